"""The uuid that nearly every row of the EDMS carries beside its primary key."""

import uuid

from django.db import models


class IdentifiedModel(models.Model):
    """Base of the models whose rows are known by a uuid outside the database."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True
