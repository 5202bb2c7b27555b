"""For the tests of those who extend edms_backup."""
