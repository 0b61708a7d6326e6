"""Nothing of who made a figure stands in any file of it, unless it is signed."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from html import escape as html_escape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures import Bars, Plot, view
from analysis.figures.files import collected
from analysis.figures.files.anonymity import anonymous, anonymous_words
from analysis.figures.files.bundle import bundle, caption_of
from analysis.figures.files.captions import draft
from analysis.figures.files.export import MIME, export
from analysis.figures.files.latex import escape as latex_escape
from analysis.figures.files.saved import save
from analysis.figures.files.sidecar import Signature, read, sidecar
from analysis.figures.paper import pgf
from analysis.figures.style.settings import Style
from tests.support import view_samples as samples
from tests.support.known_results import checkpoint, split, tokens_of, trace
from tests.support.parts import fast
from tests.support.sentences import in_order

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The plots thinned, not dully."


def inflated(data):
    """The bytes, and whatever in them is compressed."""
    yield data
    for match in re.finditer(rb"stream\r?\n", data):  # PDF
        try:
            yield zlib.decompressobj().decompress(data[match.end() :])
        except zlib.error:
            continue
    if data[:4] == b"PK\x03\x04":
        for name in (archive := zipfile.ZipFile(io.BytesIO(data))).namelist():
            yield name.encode()
            yield from inflated(archive.read(name))
    if data[:4] == b"\x89PNG":
        at = 8
        while at < len(data):
            size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
            body = data[at + 8 : at + 8 + size]
            if kind in (b"zTXt", b"iTXt") and b"\x00" in body:
                start = body.find(b"x\x9c")
                if start >= 0:
                    yield zlib.decompress(body[start:])
            yield body
            at += 12 + size


SECRETS = ("acme-lab", "somebody", "/home", "secretproject")


def owned():
    """Pictures whose checkpoints lie in somebody's folder, or belong to somebody on the Hub."""
    tokens = tokens_of(TEXT)
    path = "/home/somebody/secretproject/my models/mine"
    hub = "acme-lab/bert-sst2"
    return [
        view(
            "reading",
            [split(tokens), split(tokens, seed=1)],
            tokens,
            1,
            [checkpoint(path), checkpoint(hub)],
            names=[path, hub],
        ),
        view(
            "classes",
            [trace([0.4, 0.6], name=path), trace([0.3, 0.7], name=hub)],
            names=[path, hub],
        ),
        Plot(
            "heat",
            f"A map of {hub}",
            samples.plot_of("winners").mark,
            provenance={"checkpoint": hub},
            caption=f"{hub} here.",
            notes=(f"see {path}.",),
        ),
        Plot(
            "map",
            "A map",
            samples.plot_of("map").mark,
            caption="Of acme-lab/reviews.",
            provenance={"checkpoint": "mine", "data": f"dev, vectors of {hub}; acme-lab/reviews"},
        ),
    ]


def forms(secret):
    """A secret as bytes, as it is and as each language of an export writes it."""
    return {
        form.encode()
        for form in (secret, latex_escape(secret), html_escape(secret), json.dumps(secret)[1:-1])
    }


def secrets_in(data, secrets=SECRETS):
    return {s for part in inflated(data) for s in secrets if any(f in part for f in forms(s))}


@pytest.mark.parametrize("format", sorted(MIME))
def test_no_export_names_an_owner_or_a_folder(format):
    if format == "pgf" and not pgf.available():
        pytest.skip("no xelatex here: PGF needs it")
    for plot in owned():
        made = export(plot, format)
        assert not secrets_in(made.filename.encode() + made.data)
    assert b"reviews" in export(owned()[-1], "json").data  # the data set itself is named


@pytest.mark.parametrize("key", fast(samples.keys(), lambda key: key in samples.ONE_OF_EACH_MARK))
def test_no_export_of_any_view_names_an_owner_or_a_folder(key):
    """As text of every view, and as it is drawn of a view of each kind of mark."""
    plot = samples.plot_of(key)
    where = {
        "checkpoint": "/home/somebody/secretproject/my models/mine",
        "data": "acme-lab/reviews",
    }
    plot = replace(
        plot,
        title=f"{plot.title} of {where['checkpoint']}",
        notes=("see acme-lab/reviews",),
        caption=f"{plot.caption} On acme-lab/reviews.",
        provenance={**plot.provenance, **where, "checkpoints": [where]},
    )
    style = Style(title=True)
    assert not secrets_in(sidecar(plot, style).to_json().encode())
    drawn = ("svg", "json") if key in samples.ONE_OF_EACH_MARK else ()
    for format in (*drawn, "csv", "tex"):
        made = export(plot, format, style=style)
        assert not secrets_in(made.filename.encode() + made.data), format


def test_an_edited_caption_names_no_owner_either():
    """Not in the box it is edited in, nor in any file; signed it keeps every word."""
    drafted = collected.Collection()
    for plot in owned():
        drafted = drafted.add(plot)
    edited = drafted
    for place in range(len(drafted)):
        assert not secrets_in(caption_of(drafted, place).encode())
        named = f"{draft(drafted.figures[place].plots)} Ours."
        edited = edited.change(place, caption=named)
        assert not secrets_in(caption_of(edited, place).encode())
        assert "Ours." in caption_of(edited, place)
    made = bundle(edited)
    assert not secrets_in(made.data)
    assert any(in_order(line, "left out", "bert-sst2") for line in made.notices)
    signed = bundle(replace(edited, signed=Signature("J. Doe")))
    assert "acme-lab" in secrets_in(signed.data)


@pytest.mark.slow
def test_nothing_in_a_zip_names_user_host_home_or_folder(tmp_path):
    """Made in a process of somebody with a name, in a folder that tells, and searched."""
    home, work = tmp_path / "homeofsomebody", tmp_path / "workofacme"
    home.mkdir()
    work.mkdir()
    code = (
        "import sys\n"
        "from analysis.figures import Plot\n"
        "from analysis.figures.files.collected import Collection\n"
        "from analysis.figures.files.bundle import bundle\n"
        "made = Collection()\n"
        "for file in sys.argv[1:]: made = made.add(Plot.from_json(open(file).read()))\n"
        "open('out.zip', 'wb').write(bundle(made.group([0, 1]), ['svg', 'png']).data)\n"
    )
    files = [work / f"{place}.json" for place in range(len(owned()))]
    for file, plot in zip(files, owned(), strict=True):
        file.write_text(plot.to_json())
    answer = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        cwd=work,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "USER": "janedoe",
            "LOGNAME": "janedoe",
            "HOSTNAME": "boxofacme",
        },
    )
    assert answer.returncode == 0, answer.stderr
    secrets = [
        *SECRETS,
        "janedoe",
        "boxofacme",
        "homeofsomebody",
        "workofacme",
        str(ROOT),
        str(tmp_path),
        sys.prefix,
    ]
    if len(socket.gethostname()) > 5:
        secrets.append(socket.gethostname())
    data = (work / "out.zip").read_bytes()
    assert len(list(inflated(data))) > 40
    assert not secrets_in(data, secrets)


def test_what_was_left_out_is_said_and_a_signature_is_kept():
    plot = owned()[0]
    made = sidecar(plot)
    assert made.left_out == ("the folder of mine", "the owner of bert-sst2")
    assert [s for s in made.plots[0].mark.subtitles] == ["mine", "bert-sst2"]
    signed = sidecar(plot, signed=Signature("J. Doe", "Pooling"))
    assert signed.plots[0].mark.subtitles[1] == "acme-lab/bert-sst2"
    file = save(signed, "f")
    assert b"/Author (J. Doe)" in file.data
    assert read(file.sidecar).signed == Signature("J. Doe", "Pooling")


def test_the_text_that_was_typed_is_left_as_it_is():
    tokens = tokens_of("He met acme-lab/mine at /home/somebody/mine.")
    plot = view("reading", split(tokens), tokens, 1, checkpoint("/home/somebody/mine"))
    clean, _ = anonymous(plot)
    assert clean.provenance["text"] == tokens.text
    assert clean.mark.labels == plot.mark.labels


@given(st.text(max_size=30), st.text(max_size=12).filter(lambda s: s.strip("/\\ ")))
def test_a_demo_name_without_an_owner_is_never_changed(title, name):
    name = re.sub(r"[\\/]", "", name) or "x"
    plot = Plot(
        "v",
        title,
        Bars(np.ones((1, 1)), ("c",), (name,), "c", "v"),
        provenance={"checkpoint": name},
    )
    assert anonymous(plot)[0].mark.series == (name,)


@pytest.mark.parametrize(
    "typed",
    ["\\input{/etc/passwd} 100%", "Compare /usr/share/dict/words with ours.", "a/b and c/d"],
)
def test_paths_in_a_caption_that_are_none_of_ours_stay_as_they_were_typed(typed):
    tokens = tokens_of("the film is good")
    plot = view("reading", split(tokens), tokens, 1, checkpoint("/home/somebody/mine"))
    assert anonymous_words(typed, [plot]) == (typed, ())
