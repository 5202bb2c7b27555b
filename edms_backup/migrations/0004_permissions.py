from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("edms_backup", "0003_auditevent"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="run",
            options={
                "default_permissions": ("view",),
                "ordering": ("-created_at",),
                "permissions": (
                    ("view_package", "Can see packages and their manifests"),
                    ("create_package", "Can make packages"),
                    ("upload_package", "Can send packages to the store"),
                    ("download_package", "Can download packages, with all that is in them"),
                    ("verify_package", "Can verify packages"),
                    ("restore_package", "Can restore packages, and undo a restore"),
                    ("delete_package", "Can delete packages"),
                ),
                "verbose_name": "run",
                "verbose_name_plural": "runs",
            },
        ),
    ]
