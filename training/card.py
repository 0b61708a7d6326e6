"""The model card of a checkpoint, written from the facts in its ``training.json`` alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.common.whole import write_whole
from analysis.datasets.table import TASKS
from training.tasks import RECIPE_NOTES, recipe


def write_card(folder: Path, facts: dict[str, Any]) -> Path:
    """Write ``README.md`` into the checkpoint folder and return its path."""
    path = folder / "README.md"
    write_whole(path, card(facts))
    return path


def card(facts: dict[str, Any]) -> str:
    """The card's text: front matter that the Hub understands, then what a reader asks."""
    sections = (
        _front_matter(facts),
        _title(facts),
        _scores(facts),
        _recipe(facts),
        _encoder(facts),
        _use(facts),
    )
    return "\n".join(sections)


def _task_title(facts: dict[str, Any]) -> str:
    entry = TASKS.get(facts["task"])
    return entry.title if entry is not None else "a table of one's own"


def _front_matter(facts: dict[str, Any]) -> str:
    names = sorted({name for scores in facts["metrics"].values() for name in scores})
    lines = [
        "---",
        "license: apache-2.0",
        f"base_model: {json.dumps(facts['encoder'])}",
        "pipeline_tag: text-classification",
        "library_name: poollens",
        "tags:",
        f"- {facts['task']}",
        f"- {facts['head']}",
        "- pooling",
        "metrics:",
        *(f"- {name}" for name in names),
        "model-index:",
        f"- name: {json.dumps(facts['name'])}",
        "  results:",
    ]
    for split, scores in facts["metrics"].items():
        lines += [
            "  - task:",
            "      type: text-classification",
            "    dataset:",
            f"      name: {facts['task']}",
            f"      type: {facts['task']}",
            f"      split: {split}",
            "    metrics:",
        ]
        for name, value in scores.items():
            lines += [f"    - type: {name}", f"      value: {value:.4f}"]
    return "\n".join([*lines, "---", ""])


def _title(facts: dict[str, Any]) -> str:
    options = ", ".join(f"{name} = {value}" for name, value in facts["head_options"].items())
    labels = ", ".join(facts["labels"]) or "one number (regression)"
    kind = "all weights of the encoder, the pooling head and the classifier"
    if facts["tuning"] == "lora":
        targets = ", ".join(facts["recipe"]["lora_targets"])
        kind = (
            f"a LoRA adapter on the encoder's linear layers ({targets}), the pooling head and the "
            "classifier"
        )
    if facts["tuning"] == "frozen":
        kind = (
            "the pooling head and the classifier alone, on a *frozen encoder*. It shows what this "
            "pooling head can read out of the encoder as it is, which is another question than "
            "fine-tuning"
        )
    return "\n".join(
        [
            f"# {facts['name']}",
            "",
            f"Task: {_task_title(facts)}. Pooling head: `{facts['head']}`"
            f"{f' ({options})' if options else ''}. Tuned: {kind}; "
            f"{facts['trained_parameters']:,} parameters.",
            "",
            f"Output, in this order: {labels}."
            + (" Input: a pair of texts." if facts["pairs"] else ""),
            "",
        ]
    )


def _scores(facts: dict[str, Any]) -> str:
    names = list(next(iter(facts["metrics"].values())))
    lines = [
        "## Scores",
        "",
        "Measured on this folder as reloaded, in float32."
        if facts["tuning"] != "frozen"
        else "Measured on the encoder's states as they were stored "
        f"({facts['states_precision']}), with the tensors of this folder.",
        "",
        "| split | rows | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    lines += [
        f"| {split} | {facts['rows'][split]} | "
        + " | ".join(f"{scores[name]:.4f}" for name in names)
        + " |"
        for split, scores in facts["metrics"].items()
    ]
    chosen = (
        "The number of epochs was fixed in advance and the last one is reported."
        if facts["selection"] == "last"
        else "The epoch was chosen by the loss on a held-out tenth of the training split."
    )
    return "\n".join(
        [
            *lines,
            "",
            f"{chosen} No epoch was chosen on the rows above.",
            "",
            *([_note(facts), ""] if _note(facts) else []),
            "All pooling heads of this task get the same recipe, budget and data. "
            "One seed proves nothing about which pooling head is better.",
            "",
        ]
    )


def _note(facts: dict[str, Any]) -> str:
    """Note on the task's own recipe, where it is the one that was used."""
    if facts["tuning"] == "frozen":
        return ""
    standard = asdict(recipe(facts["task"]))
    followed = all(
        standard[name] == (tuple(value) if isinstance(value, list) else value)
        for name, value in facts["recipe"].items()
    )
    return RECIPE_NOTES.get(facts["task"], "") if followed else ""


def _recipe(facts: dict[str, Any]) -> str:
    data = f"{facts['rows']['train']} training rows"
    data += " from the Hub" if facts["source"] == "hub" else ""
    changed = facts.get("changed_rows", 0)  # folders written earlier do not say
    data += f" (control characters or surrogates replaced in {changed})" if changed else ""
    minutes, seconds = divmod(round(facts["training_seconds"]), 60)
    plan = ", ".join(
        f"{name.replace('_', ' ')} {_shown(value)}" for name, value in facts["recipe"].items()
    )
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    return "\n".join(
        [
            "## Training",
            "",
            f"```\n{facts['command']}\n```",
            "",
            f"- Data: {data}. No data is part of this folder.",
            f"- Seed: {facts['seed']}.",
            f"- Recipe: {plan}; linear warm-up and decay, {facts['steps']} steps, "
            f"{facts['precision']} autocast for the encoder, pooling head in float32."
            if facts["precision"] != "fp32"
            else f"- Recipe: {plan}; linear warm-up and decay, {facts['steps']} steps, float32.",
            f"- Time: {minutes} min {seconds} s on {_machine(facts)}.",
            f"- Versions: {versions}.",
            "",
        ]
    )


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list | tuple) else f"{value:g}"


def _machine(facts: dict[str, Any]) -> str:
    if facts["device"] != "CPU":
        return str(facts["device"])
    return f"a CPU, {facts['threads']} thread{'s' if facts['threads'] != 1 else ''}"


def _encoder(facts: dict[str, Any]) -> str:
    return "\n".join(
        [
            "## Encoder",
            "",
            f"`{facts['encoder']}`, sha256 of its weights",
            f"`{facts['encoder_sha256']}`.",
            "",
        ]
    )


def _use(facts: dict[str, Any]) -> str:
    pair = ', pair="..."' if facts["pairs"] else ""
    return "\n".join(
        [
            "## Use",
            "",
            "```python",
            "import analysis",
            "",
            f'classifier = analysis.load("checkpoints/{facts["name"]}")',
            f'trace = analysis.record(classifier, "..."{pair})',
            "print(trace.logits)",
            "```",
            "",
        ]
    )
