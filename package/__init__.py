"""The build of one installed package, ``poollens``, from the repository's folders."""
