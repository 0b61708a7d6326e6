"""The checks that each architecture of the table goes through."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.families.table import CLASSES, make

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

TEXTS = (
    "The plot is thin, but the acting is unbelievably good.",
    "A dull film.",
    "thin",
    "How many people live in the city?",
)
WORDS = 12  # of the first text, with its marks


@dataclass(frozen=True)
class Tried:
    """The two folders of a family: a sequence classifier, and its encoder alone."""

    folder: Path
    encoder: Path

    @cached_property
    def loaded(self) -> Classifier:
        """The classifier; a ``ValueError`` where it is refused."""
        import analysis

        return analysis.load(self.folder, device="cpu")

    def logits(self, text: str, pair: str | None = None) -> np.ndarray:
        """(C,) as recorded."""
        import analysis

        return np.asarray(analysis.record(self.loaded, text, pair).logits)


def check(name: str) -> dict[str, str]:
    """Results of a family's checks: column -> "", or the reason why it fails.

    A refusal is a ``ValueError`` in words. Anything else is a fault of PoolLens, and its reason
    begins with the type of the error.
    """
    import warnings

    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = name.split()[0]
        folder, encoder = Path(place) / kind, Path(place) / f"{kind}-encoder"
        tried = Tried(make(folder, name), make(encoder, name, classifier=False))
        try:
            return {column: _cell(probe, tried) for column, probe in COLUMNS.items()}
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


def _cell(probe: Callable[[Tried], None], tried: Tried) -> str:
    try:
        probe(tried)
    except ValueError as error:
        why = str(error)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    else:
        return ""
    for path in (tried.encoder, tried.folder):
        why = why.replace(f"{path}: ", "").replace(str(path), path.name)
        why = why.removeprefix(f"{path.name}: ")
    return " ".join(why.split())


def _same(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def _load(tried: Tried) -> None:
    assert tried.loaded.limit > 8


def _as_transformers(tried: Tried, text: str, pair: str | None) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    loaded = tried.loaded
    own = AutoModelForSequenceClassification.from_pretrained(tried.folder).eval()
    encoding = loaded.tokenizer(text, pair, return_tensors="pt", padding=False)
    takes = loaded.inputs.types
    with torch.no_grad():
        answer = own(**{k: v for k, v in encoding.items() if takes or k != "token_type_ids"})
    _same(tried.logits(text, pair), answer.logits[0].numpy())


def _logits(tried: Tried) -> None:
    """The logits of a text are Transformers' own."""
    _as_transformers(tried, TEXTS[0], None)


def _pair(tried: Tried) -> None:
    """So are those of a pair."""
    _as_transformers(tried, TEXTS[0], TEXTS[1])


def _batch(tried: Tried) -> None:
    """A data set's logits are those of each text alone."""
    import pyarrow as pa

    import analysis

    batch = pa.RecordBatch.from_pydict({"row": list(range(len(TEXTS))), "text": list(TEXTS)})
    logits = analysis.corpus.predict_batch(tried.loaded, batch).column("logits").to_pylist()
    alone = np.stack([tried.logits(text) for text in TEXTS])
    _same(np.array(logits), alone)


def _attentions(tried: Tried) -> None:
    """Every token's attention to every token, rows that sum to 1."""
    import analysis

    trace = analysis.record(tried.loaded, TEXTS[0], attentions=True)
    assert trace.attentions is not None
    assert trace.attentions.shape[-2:] == (len(trace.tokens), len(trace.tokens))
    sums = np.asarray(trace.attentions).sum(-1)
    np.testing.assert_allclose(sums, 1, atol=0.05)


def _split(tried: Tried) -> None:
    """Contributions add up to the logits."""
    import analysis

    assert analysis.decompose(analysis.record(tried.loaded, TEXTS[0]), "zero").error < 1e-2


def _gradients(tried: Tried) -> None:
    """Integrated gradients add up to the change from the baseline."""
    import analysis
    from analysis.attribution.problem import default_baseline

    baseline = default_baseline(tried.loaded)
    result = analysis.attribute(tried.loaded, TEXTS[0], n_steps=200, baseline=baseline)
    assert np.isfinite(result.scores).all()
    assert result.completeness_gap is not None
    assert result.completeness_gap < 0.1 * max(1.0, float(np.abs(result.scores).sum()))


def _words(tried: Tried) -> None:
    """A word is a word of the text, whatever the tokenizer's pieces."""
    import analysis

    tokens = analysis.record(tried.loaded, TEXTS[0]).tokens
    groups = [group for group in tokens.word_groups() if not tokens.special[group[0]]]
    assert len(groups) == WORDS, f"{len(groups)} words, and the text has {WORDS}"


def _embed(tried: Tried) -> None:
    """The encoder alone: sentence vectors in a batch are those of each text."""
    import analysis

    bare = analysis.load(tried.encoder, device="cpu")
    vectors = analysis.corpus.embed(bare, list(TEXTS), pooling=("mean", "max"))
    for name, together in vectors.items():
        alone = [analysis.corpus.embed(bare, [text], pooling=name[0])[name] for text in TEXTS]
        _same(together, np.concatenate(alone))


def _tuned(tried: Tried, lora: bool) -> None:
    """One step with the paper's pooling head on the encoder: a loss with gradients."""
    import torch
    from peft import LoraConfig, get_peft_model

    from analysis.checkpoints.model import build_classifier
    from analysis.checkpoints.tokenizers import input_rules, load_tokenizer
    from analysis.text.tokens import tokenize_rows

    tokenizer = load_tokenizer(tried.encoder)
    model: Any = build_classifier(tried.encoder, "max_seq_mha", {"num_heads": 4}, CLASSES)
    rules = input_rules(model, tokenizer)
    if lora:
        model = get_peft_model(model, LoraConfig(r=2, target_modules=model.encoder_linear_names()))
    arrays = rules.arrays(tokenize_rows(tokenizer, TEXTS, None, 32))
    batch = {key: torch.from_numpy(array) for key, array in arrays.items()}
    loss = model(**batch, labels=torch.tensor([0, 1, 2, 0])).loss
    loss.backward()
    assert torch.isfinite(loss)
    slopes = [p.grad for p in model.parameters() if p.requires_grad and p.grad is not None]
    assert any(bool(slope.abs().max() > 0) for slope in slopes)


def _lora(tried: Tried) -> None:
    _tuned(tried, lora=True)


def _full(tried: Tried) -> None:
    _tuned(tried, lora=False)


COLUMNS: dict[str, Callable[[Tried], None]] = {
    "load": _load,
    "logits": _logits,
    "pair": _pair,
    "batch": _batch,
    "attentions": _attentions,
    "split": _split,
    "gradients": _gradients,
    "words": _words,
    "embed": _embed,
    "LoRA": _lora,
    "full": _full,
}
