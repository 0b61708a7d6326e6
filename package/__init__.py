"""What makes one installed package, ``poollens``, of the repository's folders."""
