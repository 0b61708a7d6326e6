"""PoolingClassifier as a Transformers model: round trip, Auto classes, Trainer, PEFT, types."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from analysis import heads
from analysis.checkpoints.model import PoolingClassifier, PoolingConfig, build_classifier
from tests.support import tiny, zoo

HEADS = (*zoo.LINEAR, "cls_mlp")


@pytest.fixture(scope="module")
def inputs():
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 5:] = 0
    ids = torch.randint(5, 40, (2, 9), generator=torch.Generator().manual_seed(2))
    return {"input_ids": ids, "attention_mask": mask}


def fresh(head: str = "max_seq_mha", labels=("no", "yes"), **options) -> PoolingClassifier:
    torch.manual_seed(0)
    return build_classifier(zoo.folder("bare"), head, {"last_k": 2, **options}, labels)


@pytest.mark.parametrize("name", [*HEADS, "regression", "residual", "layer_norm", "tanh"])
def test_a_round_trip_keeps_every_bit(name, inputs, tmp_path):
    model = PoolingClassifier.from_pretrained(zoo.folder(name)).eval()
    model.save_pretrained(tmp_path)
    again = PoolingClassifier.from_pretrained(tmp_path).eval()
    before, after = model.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    for key in before:
        assert torch.equal(before[key], after[key]), key
    with torch.no_grad():
        assert torch.equal(model(**inputs).logits, again(**inputs).logits)


def test_the_auto_classes_serve_a_full_checkpoint(inputs):
    config = AutoConfig.from_pretrained(zoo.folder("mha"))
    assert isinstance(config, PoolingConfig)
    assert config.head == "mha"
    model = AutoModelForSequenceClassification.from_pretrained(zoo.folder("mha")).eval()
    assert isinstance(model, PoolingClassifier)
    with torch.no_grad():
        own = PoolingClassifier.from_pretrained(zoo.folder("mha")).eval()(**inputs).logits
        assert torch.equal(model(**inputs).logits, own)


@pytest.mark.parametrize("head", ["mha", "weighted_mean", "query_attention", "cls_mlp"])
def test_what_a_file_lacks_is_initialised_as_a_new_head_is(head, tmp_path):
    from safetensors.torch import load_file, save_file

    fresh(head).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    kept = {k: v for k, v in load_file(path).items() if not k.startswith(("head", "classifier"))}
    save_file(kept, path, metadata={"format": "pt"})
    model = PoolingClassifier.from_pretrained(tmp_path)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    for name, parameter in model.head.named_parameters():
        assert (parameter == 0).all() if name.endswith("bias") else 0 < parameter.abs().max() <= 1
    assert (model.classifier.bias == 0).all()
    assert 0.005 < model.classifier.weight.std() < 0.05
    for key, value in kept.items():
        assert torch.equal(model.state_dict()[key], value)


@pytest.mark.parametrize("architecture", tiny.FOREIGN)
def test_any_encoder_carries_any_head(architecture, tmp_path):
    tiny.make_foreign_checkpoint(tmp_path / "stock", architecture)
    model = build_classifier(tmp_path / "stock", "max_seq_mha", {"last_k": 2}, ["a", "b"]).eval()
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        states = model.encoder(ids, output_hidden_states=True).hidden_states
        pooled = model.head(torch.stack(states), torch.ones(1, 3))
        want = pooled.vector @ model.classifier.weight.T + model.classifier.bias
        torch.testing.assert_close(model(ids).logits, want)
    assert model.encoder_linear_names()
    assert len(model.encoder_linear_names()) == 2 * tiny.LAYERS


def test_losses_are_cross_entropy_and_mean_squared_error(inputs):
    model = PoolingClassifier.from_pretrained(zoo.folder("mha")).eval()
    labels = torch.tensor([2, 0])
    out = model(**inputs, labels=labels)
    want = -out.logits.log_softmax(1)[torch.arange(2), labels].mean()
    torch.testing.assert_close(out.loss, want)
    number = PoolingClassifier.from_pretrained(zoo.folder("regression")).eval()
    out = number(**inputs, labels=torch.tensor([1.5, -0.5]))
    assert out.logits.shape == (2, 1)
    want = ((out.logits[0, 0] - 1.5) ** 2 + (out.logits[1, 0] + 0.5) ** 2) / 2
    torch.testing.assert_close(out.loss, want)


def test_ids_and_their_embeddings_give_the_same_logits(inputs):
    model = PoolingClassifier.from_pretrained(zoo.folder("max_seq_mha")).eval()
    embeddings = model.get_input_embeddings()(inputs["input_ids"])
    with torch.no_grad():
        by_ids = model(**inputs).logits
        by_embeddings = model(
            inputs_embeds=embeddings, attention_mask=inputs["attention_mask"]
        ).logits
    torch.testing.assert_close(by_ids, by_embeddings)
    with pytest.raises(ValueError, match="input_ids or inputs_embeds"):
        model()


def test_no_mask_means_that_every_token_is_real(inputs):
    model = PoolingClassifier.from_pretrained(zoo.folder("mean")).eval()
    ids = inputs["input_ids"][:1]
    with torch.no_grad():
        assert torch.equal(model(ids).logits, model(ids, torch.ones_like(ids)).logits)


def test_a_bfloat16_encoder_keeps_its_pooling_head_in_float32(inputs):
    half = PoolingClassifier.from_pretrained(zoo.folder("max_seq_mha"), dtype=torch.bfloat16).eval()
    assert {p.dtype for p in half.encoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in half.head.parameters()} == {torch.float32}
    assert half.classifier.weight.dtype == torch.float32
    full = PoolingClassifier.from_pretrained(zoo.folder("max_seq_mha")).eval()
    with torch.no_grad():
        low, high = half(**inputs).logits, full(**inputs).logits
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, high, rtol=0.1, atol=0.1)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert full(**inputs).logits.dtype == torch.float32


def test_one_step_of_the_trainer_moves_encoder_head_and_classifier(tmp_path, inputs):
    from transformers import Trainer, TrainingArguments

    model = fresh()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rows = [
        {"input_ids": row, "attention_mask": mask, "labels": index}
        for index, (row, mask) in enumerate(zip(*inputs.values(), strict=True))
    ]
    arguments = TrainingArguments(
        str(tmp_path),
        max_steps=1,
        learning_rate=1e-2,
        report_to="none",
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    result = Trainer(model, arguments, train_dataset=rows).train()
    assert result.training_loss > 0
    after = model.state_dict()
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"encoder", "head", "classifier"}


def test_peft_wraps_trains_saves_and_merges_to_the_same_logits(tmp_path, inputs):
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file

    model = fresh("mha")
    wrapped = get_peft_model(
        model,
        LoraConfig(
            r=2, target_modules=model.encoder_linear_names(), modules_to_save=["head", "classifier"]
        ),
    )
    trained = {n for n, p in wrapped.named_parameters() if p.requires_grad}
    assert all("lora_" in n or "modules_to_save" in n for n in trained)
    optimizer = torch.optim.SGD([p for p in wrapped.parameters() if p.requires_grad], lr=0.05)
    for _ in range(3):
        wrapped(**inputs, labels=torch.tensor([0, 1])).loss.backward()
        optimizer.step()
    wrapped.eval().save_pretrained(tmp_path, save_embedding_layers=False)
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert any("lora_B" in key for key in saved)
    assert any("head.attention.in_proj_weight" in key for key in saved)
    assert not any("embeddings" in key for key in saved)
    with torch.no_grad():
        before = wrapped(**inputs).logits
        after = wrapped.merge_and_unload()(**inputs).logits
    torch.testing.assert_close(before, after, rtol=1e-5, atol=1e-5)


def test_no_folder_of_this_machine_gets_into_the_configuration():
    config = fresh().config
    assert config.encoder_name == "bare"
    assert str(zoo.root()) not in config.to_json_string()


def test_labels_repeat_or_heads_unknown_are_refused():
    with pytest.raises(ValueError, match="labels repeat: a, a"):
        build_classifier(zoo.folder("bare"), "cls", {}, ["a", "a"])
    with pytest.raises(ValueError, match="unknown pooling head 'none'"):
        build_classifier(zoo.folder("bare"), "none", {}, ["a", "b"])
    with pytest.raises(ValueError, match=r"last_k is 9.*4 layers"):
        build_classifier(zoo.folder("bare"), "max_cls", {"last_k": 9}, ["a", "b"])
    with pytest.raises(ValueError, match="names no model_type"):
        PoolingConfig().encoder_config()


@pytest.mark.parametrize("spoil", ["lost", "reshaped"])
def test_an_encoder_with_holes_is_not_built_upon(spoil, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tiny.make_bare_encoder(tmp_path / "holes")
    path = folder / "model.safetensors"
    state = load_file(path)
    key = next(key for key in state if key.endswith("0.attention.self.value.weight"))
    tensor = state.pop(key)
    if spoil == "reshaped":
        state[key] = tensor[:3].clone()
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 tensors.*value\.weight"):
        build_classifier(folder, "cls", {}, ["a", "b"])


def test_dropout_stands_before_the_classifier_while_training_only(inputs):
    model = PoolingClassifier.from_pretrained(zoo.folder("cls"), classifier_dropout=0.5)
    assert model.dropout.p == 0.5
    with torch.no_grad():
        model.eval()
        assert torch.equal(model(**inputs).logits, model(**inputs).logits)
        model.dropout.train()
        assert not torch.equal(model(**inputs).logits, model(**inputs).logits)


def test_every_registered_head_fits_the_classifier():
    assert set(HEADS) <= set(heads.HEADS)
