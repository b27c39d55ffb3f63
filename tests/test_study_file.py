"""A study file is checked as strictly as a configuration, and writes its arms out."""

import pytest
import yaml

from ablation.config.config import Config
from ablation.config.declare import to_text
from ablation.config.recipes import RECIPES, with_recipe
from ablation.config.study_file import load_study, shipped_studies
from ablation.errors import ConfigError

GOOD = {
    "name": "mine",
    "question": "Does it matter?",
    "primary": "test/image_loss",
    "metrics": {"test/image_loss": {"delta": 0.01, "reason": "a grey level"}},
    "baseline": {"visual": "basecase"},
    "arms": {"norm": {"latent_norm": "layernorm"}},
}


@pytest.fixture
def write(tmp_path):
    """Writes a study file: the good one with some sections changed, or left out where None is given."""

    def write(**changes):
        content = {k: v for k, v in (GOOD | changes).items() if v is not None}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return str(tmp_path / "mine.yaml")

    return write


def test_the_published_study_has_the_published_rows():
    study = load_study("published")
    assert [arm.name for arm in study.arms] == [arm.config.arm for arm in study.arms]
    assert [arm.name for arm in study.arms] == list(study.published.rows)
    assert study.published.rows["ResNet128-e10"]["Text Loss"] == 4.1181
    assert study.baseline.config == Config(visual="basecase")
    assert study.arms[-1].config == Config(latent_dim=128, epochs=10)
    assert [(arm.name, c.seed) for arm, c in study.cells(2)][:7:6] == [("Basecase", 0), ("Basecase", 1)]


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_differs_from_its_baseline_in_the_named_keys_only(name):
    study = load_study(name)
    base = study.baseline.config.texts()
    for arm in study.arms[1:]:
        texts, expanded = arm.config.texts(), with_recipe(arm.changes)
        assert {key for key in texts if texts[key] != base[key]} == {
            key for key, text in expanded.items() if to_text(text) != base[key]
        }
    assert len({arm.config.hash() for arm in study.arms}) == len(study.arms)


def test_overrides_go_into_every_arm_and_none_that_the_study_sets(write):
    study = load_study(write(), {"epochs": "2"})
    assert {arm.config.epochs for arm in study.arms} == {2}
    with pytest.raises(ConfigError, match="latent_norm=relu cannot be given: the study itself sets"):
        load_study(write(), {"latent_norm": "relu"})


def test_a_factorial_leaves_out_the_baseline(write):
    levels = {"latent_norm": ["relu", "layernorm"], "fused_dim": [16, 32, 64]}
    study = load_study(write(arms=None, factorial=levels))
    assert len(study.arms) == 6
    assert study.arms[1].name == "fused_dim=32" and "latent_norm=layernorm,fused_dim=64" in [
        arm.name for arm in study.arms
    ]


def test_the_names_of_a_factorial_may_be_long(write):
    """They list what an arm changes; a file has them cut, with a digest."""
    levels = {
        "input_norm": ["none", "batchnorm"],
        "latent_norm": ["relu", "layernorm"],
        "image_heads": ["shared", "separate"],
    }
    study = load_study(write(arms=None, factorial=levels))
    assert len(study.arms) == 8 and max(len(arm.name) for arm in study.arms) > 60
    many = levels | {
        name: [0.0001220703125, 0.25] for name in ("image_weight", "text_weight", "context_weight")
    }
    many |= {"learning_rate": [0.125, 0.25], "gradient_clip": [0.125, 0.25], "fused_dropout": [0.125, 0.25]}
    with pytest.raises(ConfigError, match=r"must be 1 to 200.*write it under arms"):
        load_study(write(arms=None, factorial=many))


def test_a_factorial_takes_numbers_as_they_are_written(write):
    """0 is the 0.0 of the baseline, and 1e-3, which YAML has for text, its 0.001."""
    levels = {"gradient_clip": [0, 1], "learning_rate": ["1e-3", 0.003], "equalize": ["yes", "no"]}
    study = load_study(write(arms=None, factorial=levels))
    assert len(study.arms) == 8 and "gradient_clip=1" in [arm.name for arm in study.arms]
    study = load_study(write(arms=None, baseline={"text_weight": 1}, factorial={"text_weight": [1.0, 5.0]}))
    assert [arm.name for arm in study.arms] == ["baseline", "text_weight=5.0"]


@pytest.mark.parametrize(
    "baseline, levels, named",
    [
        ({"recipe": "cured"}, {"fused_dim": [16, 64]}, ["fused_dim=16", "fused_dim=64"]),
        (
            {"recipe": "cured"},
            {"fused_dim": [64, 192], "latent_dim": [16, 64]},
            ["fused_dim=64,latent_dim=16", "fused_dim=64", "latent_dim=16"],
        ),
        (
            {"scored_windows": "sliding"},
            {"recipe": ["notebook", "cured"], "latent_dim": [16, 64]},
            ["latent_dim=64", "recipe=cured,latent_dim=16", "recipe=cured"],
        ),
    ],
)
def test_a_factorial_knows_what_recipes_set(write, baseline, levels, named):
    study = load_study(write(arms=None, baseline=baseline, factorial=levels))
    assert [arm.name for arm in study.arms[1:]] == named
    for arm in study.arms[1:]:
        off = dict(change.split("=") for change in arm.name.split(","))
        assert off.items() <= arm.config.texts().items()


def test_one_factor_in_and_out(write):
    factors = {"norm": {"latent_norm": "layernorm"}, "wide": {"fused_dim": 64, "text_dim": 32}}
    study = load_study(
        write(arms=None, one_factor_in=factors, one_factor_out=factors | {"raw": {"equalize": False}})
    )
    configs = {arm.name: arm.config for arm in study.arms}
    assert list(configs) == [
        "baseline",
        "only norm",
        "only wide",
        "all",
        "all but norm",
        "all but wide",
        "all but raw",
    ]
    assert configs["only wide"].fused_dim == 64 and configs["only wide"].latent_norm == "relu"
    assert configs["all"].text_dim == 32 and not configs["all"].equalize
    assert configs["all but wide"].text_dim == 16 and configs["all but wide"].latent_norm == "layernorm"


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"arms": {"a": {"latent_nrm": "relu"}}}, ["arm a", "did you mean latent_norm?"]),
        ({"arms": {"a": {"epochs": 0}, "b": {"fused_dim": "x"}}}, ["epochs=0", "fused_dim=x"]),
        ({"arms": {"a": {"visual": "basecase"}}}, ["same configuration as arm baseline"]),
        (
            {
                "one_factor_in": {"x": {"fused_dim": 32}, "y": {"epochs": 2}},
                "one_factor_out": {"x": {"fused_dim": 32}, "y": {"epochs": 2}},
            },
            ["arm all but x has the same configuration as arm only y: to leave one of two", "take factorial for two"],
        ),
        (
            {"arms": None, "one_factor_out": {"x": {"fused_dim": 32}}},
            ["arm all but x has the same configuration as arm baseline: to leave the only change out is the baseline"],
        ),
        ({"arms": {"a": {"epochs": 2}, "A": {"epochs": 3}}}, ["arm A has the same name as arm a"]),
        ({"arms": {"a/b": {"epochs": 2}}}, ["arm a/b", "its name must be"]),
        ({"arms": {"a": {"seed": 3}}}, ["seed cannot be an arm's: seeds are the study's"]),
        ({"arms": {"a": {"max_stories": 30}}}, ["max_stories cannot be an arm's"]),
        ({"arms": {"a": {"windows": "sliding"}}}, ["set scored_windows in the baseline"]),
        ({"arms": {"a": 3}}, ["must name the keys it changes, not 3"]),
        ({"arms": None}, ["it has no arm"]),
        ({"arms": []}, ["arms must be a mapping"]),
        ({"primary": "test/text_loss"}, ["must stand under metrics, with its delta and reason"]),
        ({"metrics": {"test/image_los": {"delta": 1, "reason": "x"}}}, ["did you mean test/image_loss?"]),
        ({"metrics": {"test/image_loss": {"delta": -1, "reason": "x"}}}, ["delta=-1", "> 0"]),
        ({"metrics": {"test/image_loss": {"delta": True, "reason": "x"}}}, ["delta=True"]),
        ({"metrics": {"test/image_loss": {"delta": 1}}}, ["reason is missing"]),
        ({"question": None}, ["question is missing"]),
        ({"quetsion": "x"}, ["did you mean question?"]),
        ({"factorial": {"epochs": 3}}, ["a list of at least two values"]),
        ({"baseline": {"dataset": "x/y"}}, ["dataset cannot be set in a study file"]),
        ({"published": {"rows": 3, "source": "x", "dataset": "y"}}, ["rows must map arms"]),
    ],
)  # fmt: skip
def test_a_bad_file_names_every_problem(write, changes, named):
    with pytest.raises(ConfigError) as error:
        load_study(write(**changes))
    assert all(name in str(error.value) for name in named), str(error.value)


def test_what_is_the_studys_own_cannot_be_given_beside_it(write):
    for key, value in {"seed": "3", "resume": "0" * 32}.items():
        with pytest.raises(ConfigError, match=f"{key}={value} cannot be given: "):
            load_study(write(), {key: value})
    assert load_study(write(), {"device": "cpu"}).baseline.config.device == "cpu"


def test_several_problems_come_at_once(write):
    with pytest.raises(ConfigError) as error:
        load_study(write(question=None, arms={"a": {"epochs": 0}, "b": {"nope": 1}}))
    assert len(error.value.problems) == 3


def test_what_is_no_study_at_all(tmp_path):
    (tmp_path / "x.yaml").write_text("just words")
    with pytest.raises(ConfigError, match="must be a mapping of sections"):
        load_study(str(tmp_path / "x.yaml"))
    (tmp_path / "x.yaml").write_text("a: [1, 2")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_study(str(tmp_path / "x.yaml"))
    (tmp_path / "x.yaml").write_text("a: !!python/object/apply:os.system ['true']")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_study(str(tmp_path / "x.yaml"))
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        load_study(str(tmp_path / "x.yaml"))
    with pytest.raises(ConfigError, match="did you mean published"):
        load_study("publishd")


def test_the_hash_of_delta_tells_what_was_declared(write):
    first = load_study(write())
    assert first.delta_hash == load_study(write(arms={"other": {"epochs": 9}})).delta_hash
    for stake in ({"delta": 0.02, "reason": "a grey level"}, {"delta": 0.01, "reason": "another"}):
        assert load_study(write(metrics={"test/image_loss": stake})).delta_hash != first.delta_hash


def test_an_arm_may_start_from_a_recipe_and_change_it(write):
    arms = {"cured": {"recipe": "cured"}, "thin": {"recipe": "cured", "latent_dim": 8}}
    file = write(arms=arms, baseline={"scored_windows": "sliding", "latent_norm": "relu"})
    _, cured, thin = load_study(file).arms
    assert (
        cured.config.changes_from("cured") == {} and cured.config.latent_dim == RECIPES["cured"]["latent_dim"]
    )
    assert thin.config.latent_dim == 8 and thin.config.arm == "ResNet8-cured"
    assert [arm.config.batch_size for arm in load_study(file, {"batch_size": "4"}).arms] == [4, 4, 4]
    back = write(
        arms={"as it was": {"recipe": "notebook"}}, baseline={"recipe": "cured", "scored_windows": "first"}
    )
    assert load_study(back).arms[1].config == Config(scored_windows="first")
    with pytest.raises(ConfigError, match="recipe=cureed is not allowed"):
        load_study(write(arms={"cured": {"recipe": "cureed"}}))


def test_causes_holds_every_change_of_the_cured_recipe_alone_and_left_out():
    arms = {arm.name: arm for arm in load_study("causes").arms}
    alone = {name.removeprefix("only "): arm for name, arm in arms.items() if name.startswith("only ")}
    left = {name.removeprefix("all but "): arm for name, arm in arms.items() if name.startswith("all but ")}
    assert set(alone) == set(left) and len(alone) > 10
    cured = Config(**RECIPES["cured"], scored_windows="sliding")
    assert arms["all"].config.hash() == cured.hash()
    assert {key for arm in alone.values() for key in arm.changes} | {"epochs"} == {*RECIPES["cured"]} | {
        "epochs"
    }


def test_the_study_of_the_recipe_takes_its_cells_from_causes():
    known = {arm.config.hash(): arm.name for arm in load_study("causes").arms}
    found = {arm.name: known.get(arm.config.hash()) for arm in load_study("recipe").arms}
    assert found.pop("cured") == "all" and found.pop("lean") is None
    assert {name for name in found.values() if name.startswith("all but ")} == {
        name for name in known.values() if name.startswith("all but ")
    }


def test_an_arm_near_a_recipe_is_told_from_it():
    told = {arm.name: arm.told for arm in load_study("causes", {}).arms}
    assert told["only pixel copy"] == "image_copy=pixels" and told["notebook"] == ""
    assert told["all but word copy"] == "recipe=cured, text_copy=none"
    assert told["cured, latent 128"] == "recipe=cured, latent_dim=128" and told["all"] == "recipe=cured"
