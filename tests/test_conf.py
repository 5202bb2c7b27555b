"""EDMS_BACKUP: defaults, what each key becomes, and one clear sentence for each mistake."""

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from edms_backup.conf import ENGINE_VARIABLE, READERS, KeepRuns, Thresholds, get_settings, setting_mistakes
from edms_backup.engines import get_engine
from edms_backup.errors import ConfigurationError
from edms_backup.schema.filefields import PathField
from edms_backup.schema.spec import Fate, ModelOptions, Tier


def _set(**keys: Any) -> override_settings:
    return override_settings(EDMS_BACKUP=keys)


def test_defaults(tmp_path: Path) -> None:
    with override_settings(EDMS_BACKUP={}, BASE_DIR=str(tmp_path)):
        found = get_settings()
    assert found.directory == tmp_path / "backups"
    assert found.state_directory == tmp_path / "backups" / ".state"
    assert (found.storage, found.compression, found.site_name, found.prefer_uuid) == ("", "auto", "", False)
    assert found.file_roots == found.path_fields == found.natural_keys == found.models == found.engines == {}


def test_without_a_setting_and_a_base_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with override_settings(BASE_DIR=None, EDMS_BACKUP=None):
        mistakes = setting_mistakes()
    assert "must be a dictionary" in str(mistakes[0])
    with override_settings(BASE_DIR=None):
        from django.conf import settings

        del settings.EDMS_BACKUP
        assert get_settings().directory == tmp_path / "backups"


def test_settings_are_read_when_asked_for() -> None:
    with _set(SITE_NAME="north"):
        assert get_settings().site_name == "north"
        with _set(SITE_NAME="south"):
            assert get_settings().site_name == "south"
        assert get_settings().site_name == "north"


def test_relative_directories_count_from_the_base_directory(tmp_path: Path) -> None:
    with override_settings(
        BASE_DIR=tmp_path, EDMS_BACKUP={"DIRECTORY": "a", "FILE_ROOTS": {"media": Path("b")}}
    ):
        found = get_settings()
    assert found.directory == tmp_path / "a"
    assert found.state_directory == tmp_path / "a" / ".state"
    assert found.file_roots == {"media": str(tmp_path / "b")}


def test_every_key_becomes_its_value(tmp_path: Path) -> None:
    keys = {
        "DIRECTORY": tmp_path,
        "STORAGE": "default",
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "FILE_ROOTS": {"old": tmp_path / "old"},
        "PATH_FIELDS": {
            "documents.Document.file_path": {
                "roots": [("storage/", "old"), ["", "default"]],
                "sha256": "file_checksum",
            }
        },
        "NATURAL_KEYS": {"documents.Document": "uuid", "audit.AuditTrail": ["uuid", "timestamp"]},
        "PREFER_UUID": True,
        "MODELS": {
            "documents.Document": {"tier": "critical", "append_only": True},
            "audit.AuditTrail": {"fate": "excluded", "reason": "kept elsewhere"},
            "auth.Permission": {"exclude": "not ours"},
            "users.Role": {"grants": True},
        },
        "ENGINES": {"sqlite": "edms_backup.engines.generic.GenericEngine"},
        "AFTER_RESTORE": ["edms_backup.restore.aftercare.clear_caches"],
        "END_SESSIONS": False,
        "COMPRESSION": "gzip",
        "CREATE_JOBS": 2,
        "SITE_NAME": "Plant 2",
        "JOBS": "celery:backups",
        "UPLOAD_LIMIT": 1000,
        "AUDIT_REQUIRED": False,
        "NOTIFY": {
            "mail": ["ops@example.com"],
            "webhook": {
                "url": "https://hooks.example.com/x",
                "secret": {"environment": "HOOK"},
                "timeout": 5,
                "attempts": 2,
            },
            "on": ["missing"],
        },
        "KEEP_RUNS": {"days": 30},
        "STATUS": {"package_hours": (1, 2.5), "verify_days": None, "free_packages": [4, 2]},
        "REAUTHENTICATION_AGE": 60,
        "API_RATES": {"write": "5/hour"},
        "MONITORING_TOKEN": {"file": "token"},
    }
    assert set(keys) == set(READERS)
    with _set(**keys):
        found = get_settings()
    assert (found.directory, found.storage, found.state_directory) == (
        tmp_path,
        "default",
        tmp_path / "state",
    )
    assert found.path_fields == {
        "documents.Document.file_path": PathField(
            roots=(("storage/", "old"), ("", "default")), sha256="file_checksum"
        )
    }
    assert found.natural_keys == {"documents.Document": ("uuid",), "audit.AuditTrail": ("uuid", "timestamp")}
    assert found.models == {
        "documents.Document": ModelOptions(tier=Tier.CRITICAL, append_only=True),
        "audit.AuditTrail": ModelOptions(fate=Fate.EXCLUDED, reason="kept elsewhere"),
        "auth.Permission": ModelOptions(fate=Fate.EXCLUDED, reason="not ours"),
        "users.Role": ModelOptions(grants=True),
    }
    assert found.engines == keys["ENGINES"]
    assert found.after_restore == ("edms_backup.restore.aftercare.clear_caches",)
    assert found.end_sessions is False
    assert (found.prefer_uuid, found.compression, found.site_name) == (True, "gzip", "Plant 2")
    assert (found.jobs, found.upload_limit, found.create_jobs) == ("celery:backups", 1000, 2)
    assert found.audit_required is False
    assert found.reauthentication_age == 60
    assert (found.api_rates["write"], found.api_rates["read"]) == ("5/hour", "300/minute")
    assert (found.notify.mail, found.notify.on) == (("ops@example.com",), frozenset({"missing"}))
    hook = found.notify.webhook
    assert hook is not None
    assert (hook.url, hook.timeout, hook.attempts) == ("https://hooks.example.com/x", 5.0, 2)
    assert hook.secret is not None
    assert (hook.secret.kind, hook.secret.place) == ("environment", "HOOK")
    assert found.thresholds == Thresholds(
        package_hours=(1.0, 2.5), verify_days=None, free_packages=(4.0, 2.0), run_hours=(6.0, 24.0)
    )
    assert found.keep_runs == KeepRuns(newest=200, days=30)
    assert found.monitoring_token is not None
    assert found.monitoring_token.kind == "file"
    assert Path(found.monitoring_token.place).is_absolute()


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"AUDIT_REQUIRED": 1}, "EDMS_BACKUP['AUDIT_REQUIRED'] must be True or False, not int", ""),
    ({"MODELS": {"edms_backup.AuditEvent": {"fate": "included"}}}, "is a table of this app", ""),
    ({"NOTIFY": {"mail": "ops@example.com"}}, "['mail'] must be a list of mail addresses", ""),
    ({"NOTIFY": {"mail": ["ops"]}}, "['mail'] must be a list of mail addresses", ""),
    ({"NOTIFY": {"on": ["never"]}}, "must be one of failure, missing, success, not 'never'", ""),
    ({"NOTIFY": {"on": "failure"}}, "['on'] must be a list, not str", ""),
    ({"NOTIFY": {"fax": "1"}}, "names 'fax', which is no key", ""),
    ({"NOTIFY": {"webhook": {"url": "http://x.example"}}}, "must begin with https://", "'allow_http': True"),
    (
        {"NOTIFY": {"webhook": {"url": "file:///etc/passwd", "allow_http": True}}},
        "must begin with https://",
        "",
    ),
    ({"NOTIFY": {"webhook": {"url": "https:///x"}}}, "must begin with https://", ""),
    ({"NOTIFY": {"webhook": {"url": "https://x.example", "secret": "abc"}}}, "must be a dictionary", ""),
    (
        {"NOTIFY": {"webhook": {"url": "https://x.example", "timeout": 0}}},
        "must be a number above 0, not 0",
        "",
    ),
    ({"MODELS": {"a.B": {"append_only": True, "on_conflict": "take"}}}, "'on_conflict' cannot be 'take'", ""),
    ({"KEEP_RUNS": {"newest": 0}}, "must be a number from 1 to 100000, not 0", ""),
    ({"KEEP_RUNS": {"days": 1.5}}, "must be a number from 1 to 100000, not 1.5", ""),
    ({"KEEP_RUNS": {"oldest": 1}}, "names 'oldest', which is no key", ""),
    ({"REAUTHENTICATION_AGE": 0}, "must be a number of seconds", ""),
    ({"REAUTHENTICATION_AGE": True}, "must be a number of seconds", ""),
    ({"REAUTHENTICATION_AGE": 86401}, "must be a number of seconds", ""),
    ({"API_RATES": {"writes": "1/hour"}}, "names 'writes'", "Did you mean write?"),
    ({"API_RATES": {"write": "0/hour"}}, "must be like '30/minute'", ""),
    ({"API_RATES": {"write": None}}, "must be like '30/minute'", ""),
    ({"MONITORING_TOKEN": "abc"}, "EDMS_BACKUP['MONITORING_TOKEN'] must be a dictionary", ""),
    ({"MONITORING_TOKEN": {}}, "needs just one of 'environment'", ""),
    ({"MONITORING_TOKEN": {"file": "x", "environment": "y"}}, "needs just one of 'environment'", ""),
    ({"STATUS": {"package_hours": (50, 26)}}, "has its warning beyond its critical value", ""),
    ({"STATUS": {"free_packages": (1, 3)}}, "has its warning beyond its critical value", ""),
    ({"STATUS": {"package_hours": 26}}, "must be a pair (warning, critical), or None", ""),
    ({"STATUS": {"package_days": (1, 2)}}, "names 'package_days', which is no key", "package_hours?"),
    ({"DIRECTRY": "x"}, "names 'DIRECTRY', which is no key", "DIRECTORY?"),
    ({"directory": "x"}, "names 'directory', which is no key", "DIRECTORY?"),
    ({"QQQQQQ": 1}, "names 'QQQQQQ', which is no key", "Known: DIRECTORY, STORAGE"),
    ({"DIRECTORY": 5}, "EDMS_BACKUP['DIRECTORY'] must be the path of a directory, not int", ""),
    ({"DIRECTORY": ""}, "must be the path of a directory", ""),
    ({"STORAGE": 5}, "EDMS_BACKUP['STORAGE'] must be a text, not int", ""),
    ({"PREFER_UUID": "yes"}, "EDMS_BACKUP['PREFER_UUID'] must be True or False, not str", ""),
    ({"JOBS": "rq"}, "must be 'process', 'tasks', 'celery' or the dotted path of a function, not 'rq'", ""),
    ({"JOBS": "process:x"}, "must be 'process', 'tasks'", ""),
    ({"JOBS": "celery:"}, "must be 'process', 'tasks'", ""),
    ({"JOBS": 5}, "EDMS_BACKUP['JOBS'] must be a text, not int", ""),
    ({"CREATE_JOBS": 0}, "must be a number of workers, 1 or more, not 0", ""),
    ({"CREATE_JOBS": True}, "must be a number of workers, 1 or more, not True", ""),
    ({"CREATE_JOBS": "2"}, "must be a number of workers, 1 or more, not '2'", ""),
    ({"UPLOAD_LIMIT": "4G"}, "must be a number of bytes greater than 0, not '4G'", ""),
    ({"UPLOAD_LIMIT": True}, "must be a number of bytes greater than 0, not True", ""),
    ({"UPLOAD_LIMIT": 0}, "must be a number of bytes greater than 0, not 0", ""),
    ({"COMPRESSION": "zip"}, "must be one of auto, zstd, gzip, none, not 'zip'", ""),
    ({"FILE_ROOTS": ["x"]}, "EDMS_BACKUP['FILE_ROOTS'] must be a dictionary, not list", ""),
    ({"FILE_ROOTS": {"a:b": "x"}}, "holds neither ':' nor '/'", ""),
    ({"FILE_ROOTS": {"a/b": "x"}}, "holds neither ':' nor '/'", ""),
    ({"FILE_ROOTS": {"": "x"}}, "has a key that is empty or no text", ""),
    ({"FILE_ROOTS": {"a": None}}, "EDMS_BACKUP['FILE_ROOTS']['a'] must be the path", ""),
    ({"NATURAL_KEYS": {"Document": "uuid"}}, "'Document', which does not look like app.Model", ""),
    ({"NATURAL_KEYS": {"a.B": []}}, "must be the name of a field or a list", ""),
    ({"NATURAL_KEYS": {"a.B": ["x", "x"]}}, "names a field twice", ""),
    ({"NATURAL_KEYS": {"a.B": ["x", 3]}}, "EDMS_BACKUP['NATURAL_KEYS']['a.B'] must be a text, not int", ""),
    ({"NATURAL_KEYS": {"a.B": " "}}, "must not be empty", ""),
    ({"NATURAL_KEYS": {"a.B": "x", "a.b": "x"}}, "names 'a.b' twice", ""),
    ({"PATH_FIELDS": {"a.B": {"roots": [("", "default")]}}}, "does not look like app.Model.field", ""),
    ({"PATH_FIELDS": {"a.B.c": {}}}, "needs 'roots'", ""),
    ({"PATH_FIELDS": {"a.B.c": "media"}}, "must be a dictionary, not str", ""),
    ({"PATH_FIELDS": {"a.B.c": {"roots": ["media"]}}}, "must hold pairs", ""),
    ({"PATH_FIELDS": {"a.B.c": {"roots": [("", 3)]}}}, "must be a text, not int", ""),
    ({"PATH_FIELDS": {"a.B.c": {"root": []}}}, "names 'root', which is no key", "Did you mean roots?"),
    ({"PATH_FIELDS": {"a.B.c": {"roots": [("", "defualt")]}}}, "'defualt', which is no root", "default?"),
    ({"MODELS": {"a.B": {"fate": "gone"}}}, "must be one of included, framework, excluded, not 'gone'", ""),
    ({"MODELS": {"a.B": {"fate": "excluded"}}}, "is excluded without a 'reason'", ""),
    ({"MODELS": {"a.B": {"exclude": ""}}}, "EDMS_BACKUP['MODELS']['a.B']['exclude'] must not be empty", ""),
    ({"MODELS": {"a.B": {"exclude": "x", "fate": "included"}}}, "beside 'fate' or 'reason'", ""),
    ({"MODELS": {"a.B": {"tier": 1}}}, "must be one of critical, important, standard, system", ""),
    ({"MODELS": {"a.B": {"append_only": 1}}}, "['append_only'] must be True or False, not int", ""),
    (
        {"AFTER_RESTORE": "one.path"},
        "EDMS_BACKUP['AFTER_RESTORE'] must be a list of dotted paths, not str",
        "",
    ),
    ({"AFTER_RESTORE": [1]}, "EDMS_BACKUP['AFTER_RESTORE'] must be a text, not int", ""),
    ({"END_SESSIONS": 1}, "EDMS_BACKUP['END_SESSIONS'] must be True or False, not int", ""),
    ({"ENGINES": {"sqlite": object}}, "EDMS_BACKUP['ENGINES']['sqlite'] must be a text, not type", ""),
]


@pytest.mark.parametrize(("keys", "message", "hint"), MISTAKES, ids=[text for _, text, _ in MISTAKES])
def test_each_mistake_is_one_sentence(keys: dict[str, Any], message: str, hint: str) -> None:
    with _set(**keys):
        with pytest.raises(ConfigurationError) as caught:
            get_settings()
        assert [str(mistake) for mistake in setting_mistakes()] == [str(caught.value)]
    assert message in str(caught.value)
    assert str(caught.value).startswith("EDMS_BACKUP")
    assert hint in caught.value.hint
    assert caught.value.hint


def test_all_mistakes_are_told_at_once() -> None:
    with _set(DIRECTORY=1, COMPRESSION="zip", WRONG=1):
        assert len(setting_mistakes()) == 3


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"STORAGE": "defualt"}, "'defualt', which is no alias of STORAGES", "default?"),
        ({"NATURAL_KEYS": {"documents.Documnt": "x"}}, "which is no model", "documents.Document?"),
        ({"MODELS": {"nothing.Here": {}}}, "'nothing.Here', which is no model", ""),
        (
            {"PATH_FIELDS": {"documents.Dcument.x": {"roots": [("", "default")]}}},
            "no model",
            "documents.Document?",
        ),
        (
            {"PATH_FIELDS": {"documents.Document.file_pth": {"roots": [("", "default")]}}},
            "'file_pth', which is no field of documents.Document",
            "file_path?",
        ),
        (
            {
                "PATH_FIELDS": {
                    "documents.Document.file_path": {"roots": [("", "default")], "size": "file_siz"}
                }
            },
            "'file_siz', which is no field of documents.Document",
            "file_size?",
        ),
        ({"AFTER_RESTORE": ["no.such.hook"]}, "AFTER_RESTORE'] names no.such.hook, which cannot be", ""),
        ({"ENGINES": {"sqlite": "no.such.Engine"}}, "no.such.Engine, which cannot be imported", ""),
    ],
)
def test_what_only_the_site_can_tell(keys: dict[str, Any], message: str, hint: str) -> None:
    with _set(**keys):
        mistakes = setting_mistakes()
    assert len(mistakes) == 1
    assert message in str(mistakes[0])
    assert hint in mistakes[0].hint


def test_a_codec_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup.errors import UnsupportedFormat

    def refuse(name: str) -> None:
        raise UnsupportedFormat("zstd is not installed.", hint="Install it.")

    monkeypatch.setattr("edms_backup.conf.choose_codec", refuse)
    with _set(COMPRESSION="zstd"):
        assert [str(mistake) for mistake in setting_mistakes()] == [
            "EDMS_BACKUP['COMPRESSION']: zstd is not installed."
        ]


def test_the_example_site_has_no_mistakes() -> None:
    assert setting_mistakes() == []


@pytest.mark.parametrize("below", ["", "packages", "a/b"])
@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT", "STATICFILES_DIRS"])
def test_packages_are_never_written_where_visitors_get_them(tmp_path: Path, setting: str, below: str) -> None:
    public = tmp_path / "public"
    public.mkdir()
    value: Any = [("prefix", public)] if setting == "STATICFILES_DIRS" else str(public)
    with override_settings(**{setting: value}), _set(DIRECTORY=public / below):
        with pytest.raises(ConfigurationError, match=setting) as caught:
            get_settings().refuse_public_directory()
        assert [str(mistake) for mistake in setting_mistakes()] == [str(caught.value)]
    assert caught.value.exit_code == 4


def test_links_do_not_hide_a_public_directory(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "private").symlink_to(tmp_path / "public")
    with override_settings(MEDIA_ROOT=tmp_path / "public"), _set(DIRECTORY=tmp_path / "private" / "packages"):
        with pytest.raises(ConfigurationError, match="MEDIA_ROOT"):
            get_settings().refuse_public_directory()
        get_settings().refuse_public_directory(tmp_path / "elsewhere")
        with pytest.raises(ConfigurationError, match="MEDIA_ROOT"):
            get_settings().refuse_public_directory(tmp_path / "public")


def test_a_public_directory_below_the_packages_is_allowed(tmp_path: Path) -> None:
    with override_settings(MEDIA_ROOT=tmp_path / "media"), _set(DIRECTORY=tmp_path):
        get_settings().refuse_public_directory()
        assert setting_mistakes() == []
    with override_settings(MEDIA_ROOT=tmp_path / "media"), _set(DIRECTORY=tmp_path / "media2"):
        get_settings().refuse_public_directory()


def test_a_storage_with_a_url_of_its_own_is_public(tmp_path: Path) -> None:
    plain = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    served = {**plain, "OPTIONS": {"location": str(tmp_path), "base_url": "/packages/"}}
    for backend, wrong in ((plain, False), (served, True)):
        with override_settings(MEDIA_ROOT=tmp_path / "media", STORAGES={"packages": backend}):
            for keys in ({"STORAGE": "packages", "STATE_DIRECTORY": "/nonexistent"}, {"DIRECTORY": tmp_path}):
                with _set(**keys):
                    assert bool(setting_mistakes()) is wrong


def test_the_state_is_private_too(tmp_path: Path) -> None:
    with (
        override_settings(MEDIA_ROOT=tmp_path / "media"),
        _set(DIRECTORY=tmp_path / "x", STATE_DIRECTORY=tmp_path / "media"),
        pytest.raises(ConfigurationError, match="MEDIA_ROOT"),
    ):
        get_settings().refuse_public_directory()


def test_a_remote_storage_has_no_directory(tmp_path: Path) -> None:
    backend = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with override_settings(STORAGES={"packages": backend}), _set(STORAGE="packages", DIRECTORY=tmp_path):
        assert get_settings().package_directory is None
        assert setting_mistakes() == []


def test_the_environment_names_the_engine_of_every_database(monkeypatch: pytest.MonkeyPatch) -> None:
    generic = "edms_backup.engines.generic.GenericEngine"
    other = "edms_backup.engines.sqlite.SQLiteEngine"
    with _set(ENGINES={"sqlite": other}):
        monkeypatch.setenv(ENGINE_VARIABLE, "generic")
        assert get_settings().engines["default"] == generic
        assert get_engine("default", get_settings().engines).name == "generic"
        monkeypatch.setenv(ENGINE_VARIABLE, other)
        assert get_settings().engines["default"] == other
        monkeypatch.setenv(ENGINE_VARIABLE, "no.such.Engine")
        with pytest.raises(ConfigurationError, match=r"EDMS_BACKUP_ENGINE=no\.such\.Engine names no engine"):
            get_settings()
        monkeypatch.setenv(ENGINE_VARIABLE, "")
        assert get_settings().engines == {"sqlite": other}
