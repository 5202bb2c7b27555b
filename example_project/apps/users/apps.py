"""Configuration of the app `users`."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Users and roles."""

    name = "apps.users"
    label = "users"
    verbose_name = "Users and roles"
