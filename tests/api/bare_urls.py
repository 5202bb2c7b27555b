"""Routes of a host that has not put the interface anywhere."""

urlpatterns: list[object] = []
