"""python -m tests.support.atheris_process READER SECONDS FOLDER: libFuzzer on one reader.

Ends with 0 where every file was answered with a result or a sentence.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    import atheris

    name, seconds, folder = sys.argv[1:4]
    with atheris.instrument_imports(include=["analysis", "training"]):
        from tests.support.readers import readers, same

        reader = readers()[name]
    corpus = Path(folder)
    for number, data in enumerate(reader.corpus):
        (corpus / str(number)).write_bytes(data)

    def try_input(data: bytes) -> None:
        try:
            reader.read(data)
        except Exception as error:
            if not same(error):
                raise
            str(error).encode("utf-8")

    options = [f"-max_total_time={seconds}", "-rss_limit_mb=6000", "-max_len=20000", "-timeout=60"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
