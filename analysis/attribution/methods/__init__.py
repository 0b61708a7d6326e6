"""The attribution methods, a module a family; each registers its own."""
