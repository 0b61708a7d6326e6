"""A picture cites the method and the data that it rests on, and no more."""

from __future__ import annotations

from dataclasses import replace

from analysis.attribution import METHODS as ATTRIBUTION
from analysis.figures import known_views, view
from analysis.figures.files.citations import METHODS, VIEWS, bibtex, keys_of
from analysis.figures.recipes import registry
from tests.support import view_samples as samples
from tests.support import zoo
from tests.support.known_results import SENTENCE, attributed, checkpoint, tokens_of

TOKENS = tokens_of(SENTENCE)


def test_every_view_and_method_that_cites_exists_and_every_citation_has_an_entry():
    assert set(VIEWS) <= set(known_views()) | {"faithfulness", "evidence"}
    elsewhere = {"umap", "aligned_umap", "MaxSim", "SPLADE"}
    assert set(METHODS) - elsewhere == set(ATTRIBUTION)
    from analysis.figures.files.citations import _entries

    cited = {key for keys in (*VIEWS.values(), *METHODS.values()) for key in keys}
    assert cited <= set(_entries())


def test_bibtex_follows_the_method_and_the_data():
    plot = view("input_attribution", attributed(TOKENS), TOKENS, checkpoint("sst2-max_seq_mha"))
    keys = keys_of(plot)
    assert keys[0] == "poollens"
    assert {
        "sundararajan2017axiomatic",
        "kokhlikyan2020captum",
        "behrendt2025maxpoolbert",
        "socher2013recursive",
    } <= set(keys)
    assert "abnar2020rollout" not in keys
    text = bibtex(plot)
    assert text.count("@") == len(keys)
    assert text.count("{") == text.count("}")


def test_each_picture_cites_what_it_rests_on_and_no_more():
    split = {"modarressi2023decompx", "nanda2022transformerlens"}
    made = {
        quantity: set(
            keys_of(
                registry.make(
                    "winners", [zoo.loaded("max_seq_mha")], "A plot.", params={"quantity": quantity}
                )
            )
        )
        for quantity in ("contribution", "attention")
    }
    assert split <= made["contribution"]
    assert not split & made["attention"]
    assert all("conneau2017infersent" in item for item in made.values())
    for key in ("layer_quantities", "source_layers", "reading"):
        assert split <= set(keys_of(samples.plot_of(key)))
    umap = samples.plot_of("map")
    assert "mcinnes2018umap" in keys_of(umap)
    pca = replace(umap, provenance={**umap.provenance, "method": "pca"})
    assert "mcinnes2018umap" not in keys_of(pca)
    assert "venna2001neighborhood" in keys_of(pca)
