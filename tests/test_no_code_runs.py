"""Nothing that is read can run code: no module asks for it, and what is planted does not run."""

import ast
import json
import os
import pickle
import shlex
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ablation.analyse.story_scores import PLACE, ScoresByStory
from ablation.analyse.study_record import StudyRecord
from ablation.config.config import Config
from ablation.config.metrics import MEASURES
from ablation.data import oracle, sentences
from ablation.data.sources import open_source
from ablation.data.store import prepare
from ablation.data.tokens import load_tokenizer
from ablation.errors import AblationError, DataError, TrackingError
from ablation.train.checkpoint import FORMAT, load_checkpoint, restore, save_checkpoint, snapshot
from ablation.train.loop import LoopState
from tests.test_bad_files import rows_of, write

MODULES = sorted((Path(__file__).parents[1] / "ablation").rglob("*.py"))
NEVER_IMPORTED = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "code",
    "pty",
    "pdb",
}
NEVER_CALLED = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "yaml.load", "yaml.full_load",
    "yaml.unsafe_load", "yaml.load_all", "subprocess.getoutput", "subprocess.getstatusoutput", "pandas.read_pickle",
    "pd.read_pickle", "torch.hub.load", "torch.jit.load",
}  # fmt: skip


def calls(module: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]


def dangers(source: str) -> list[str]:
    """Calls and imports of a module that could run what they are given."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            found += [name for name in names if name.split(".")[0] in NEVER_IMPORTED]
        elif isinstance(node, ast.Call):
            name, given = (
                ast.unparse(node.func),
                {word.arg: ast.unparse(word.value) for word in node.keywords},
            )
            bad = (
                name in NEVER_CALLED
                or name.startswith(("os.exec", "os.spawn"))
                or (name == "torch.load" and given.get("weights_only") != "True")
                or (name.endswith((".load", ".fromfile")) and given.get("allow_pickle", "False") != "False")
                or (name == "np.load" and given.get("allow_pickle") != "False")
                or given.get("shell", "False") != "False"
                or given.get("trust_remote_code", "False") != "False"
                or (name.endswith("AutoModel.from_pretrained") and given.get("use_safetensors") != "True")
            )
            found += [ast.unparse(node)] if bad else []
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_no_module_runs_what_it_reads(module):
    assert not dangers(module.read_text())


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from joblib import load", "eval(x)", "os.system(x)", "torch.load(f)", "torch.load(f, weights_only=False)",
     "np.load(f)", "np.load(f, allow_pickle=True)", "subprocess.run(x, shell=True)", "yaml.load(x, yaml.Loader)",
     "tempfile.mktemp()", "AutoTokenizer.from_pretrained(x, trust_remote_code=True)", "AutoModel.from_pretrained(x)"],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(line):
    assert dangers(line)


class Malice:
    """A pickle that, when it is read, leaves a file behind."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {shlex.quote(str(self.mark))}",)


@pytest.fixture
def malice(tmp_path):
    """A malicious pickle; at the end, that it did not run."""
    mark = tmp_path / "ran"
    yield Malice(mark)
    assert not mark.exists()


def test_the_malice_of_these_tests_would_run(tmp_path):
    pickle.loads(pickle.dumps(Malice(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


def test_a_checkpoint_that_is_a_program_is_refused_and_not_run(malice, tmp_path):
    whole = {"format": FORMAT, "identity": {}, "module": {}, "optimizer": {}, "state": {}}
    torch.save(whole | {"module": {"weight": malice}}, tmp_path / "last.pt")
    (tmp_path / "best.pt").write_bytes(pickle.dumps(malice))
    for name in ("last.pt", "best.pt"):
        with pytest.raises(
            AblationError, match=rf"{name} is not a whole checkpoint: .*Remove it, or start a new run"
        ):
            load_checkpoint(tmp_path / name)


@pytest.mark.parametrize("contents", [{}, [], 3, {"format": FORMAT}, {"format": 9, "module": {}}, {"format": FORMAT, "identity": 3, "module": [], "optimizer": {}, "state": {}}], ids=repr)  # fmt: skip
def test_a_file_of_weights_that_is_no_checkpoint_is_refused(tmp_path, contents):
    torch.save(contents, tmp_path / "last.pt")
    with pytest.raises(AblationError, match=r"last.pt (is not a whole checkpoint|has format)"):
        load_checkpoint(tmp_path / "last.pt")


@pytest.mark.parametrize(
    "changed",
    [{"module": {"weight": torch.zeros(9, 9)}}, {"optimizer": {"param_groups": []}}, {"optimizer": {}}, {"state": {"epocs": 3}}, {"module": {1: 2}}],
    ids=repr,
)  # fmt: skip
def test_a_checkpoint_of_another_model_is_refused(tmp_path, changed):
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    save_checkpoint(tmp_path / "last.pt", snapshot(module, optimizer, LoopState(), {}))
    whole = load_checkpoint(tmp_path / "last.pt")
    assert restore(whole, module, optimizer).as_dict() == LoopState().as_dict()
    with pytest.raises(
        AblationError, match=r"cannot be put back into this model: .*Remove it, or start a new run"
    ):
        restore(whole | changed, module, optimizer)


def test_a_cache_of_oracles_that_is_a_program_is_made_again(malice, tmp_path):
    file = tmp_path / "oracle.json"
    for content in (pickle.dumps(malice), b"", b"[]", b"null", b"{", b"[" * 100_000, b"\xff"):
        file.write_bytes(content)
        assert oracle._kept(file) == {}
    whole = dict.fromkeys((field.name for field in fields(oracle.WindowOracle)), 1)
    file.write_text(json.dumps({"whole": whole, "empty": {}, "a number": 3}))
    assert oracle._kept(file) == {"whole": whole}


def test_a_cache_of_sentences_that_is_a_program_is_made_again(malice, tmp_path, monkeypatch):
    vectors, encoder = np.ones((2, 3), np.float32), torch.nn.Linear(1, 1)
    monkeypatch.setattr(sentences, "load_encoder", lambda place: (None, encoder))
    monkeypatch.setattr(sentences, "_read", lambda *_: vectors)
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path))
    assert np.array_equal(sentences.sentence_vectors(["a", "b"], "x"), vectors)
    (file,) = (tmp_path / "sentences").iterdir()
    for content in (
        np.array([malice] * 2, object),
        np.ones((1, 3), np.float32),
        np.ones((2, 3)),
        np.ones(2, np.float32),
    ):
        np.save(file, content, allow_pickle=True)
        again = sentences.sentence_vectors(["a", "b"], "x")
        assert np.array_equal(again, vectors) and again.dtype == np.float32
    for content in (pickle.dumps(malice), b"", b"\x93NUMPY", file.read_bytes()[:-3]):
        file.write_bytes(content)
        assert np.array_equal(sentences.sentence_vectors(["a", "b"], "x"), vectors)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("stories") / "mine", rows_of(40))


def prepared(folder):
    config = Config(dataset=str(folder))
    return prepare(config, open_source(config.dataset, 20))


@pytest.mark.parametrize(
    "name", ["manifest.json", "train.json", "train.frames.u8", "test.tokens.i32", "tokenizer/tokenizer.json"]
)
def test_a_store_with_a_program_in_it_is_made_again(malice, folder, name):
    store = prepared(folder)
    before = store.tokens("train").tobytes()
    (store.folder / name).write_bytes(pickle.dumps(malice))
    again = prepared(folder)
    assert again.note.startswith("made again, since") and again.tokens("train").tobytes() == before
    assert prepared(folder).note == "found"


@pytest.mark.parametrize(
    "manifest", [None, [], 3, {}, {"files": {}}, {"files": []}, {"files": {"train.json": 3}}, {"files": {"../../x": [1, 2, "a"]}}], ids=repr
)  # fmt: skip
def test_a_store_whose_list_of_files_is_nonsense_is_made_again(folder, manifest):
    file = prepared(folder).folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    assert prepared(folder).note.startswith("made again, since its list of files")


def test_a_store_that_names_no_data_is_made_again(folder):
    file = prepared(folder).folder / "manifest.json"
    file.write_text(
        json.dumps(
            {name: value for name, value in json.loads(file.read_text()).items() if name != "data_hash"}
        )
    )
    assert prepared(folder).note.startswith("made again")


def test_a_tokenizer_with_code_of_its_own_is_refused_without_a_question(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    place = tmp_path / "tokenizer"
    place.mkdir()
    (place / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: pass\n")
    (place / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["mine.Mine", None]}})
    )
    (place / "config.json").write_text(
        json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}})
    )
    with pytest.raises(DataError, match=r"tokenizer=.* is neither a folder with a tokenizer"):
        load_tokenizer(place)
    with pytest.raises(DataError, match=r"sentence_model=.* is neither a folder with a sentence encoder"):
        sentences.sentence_width(str(place))
    assert not (tmp_path / "ran").exists()


def test_weights_of_a_sentence_encoder_that_are_a_program_are_not_read(malice, tmp_path, folder):
    from transformers import BertConfig

    place = tmp_path / "encoder"
    prepared(folder).tokenizer().save_pretrained(place)
    BertConfig(vocab_size=99, hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(
        place
    )
    torch.save({"weight": malice}, place / "pytorch_model.bin")
    with pytest.raises(DataError, match="is neither a folder with a sentence encoder"):
        sentences.sentence_vectors(["a"], str(place))


def test_a_folder_with_a_loading_script_is_no_data_set(tmp_path):
    script = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.py").write_text(script)
    with pytest.raises(DataError, match="holds neither parquet files nor"):
        open_source(str(tmp_path / "mine"), 20)
    write(tmp_path / "mine", rows_of(40))
    assert prepared(tmp_path / "mine").index("train").read and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "{}", '{"name": 1}', "[" * 100_000], ids=lambda text: text[:9]
)
def test_a_study_record_that_is_none_is_told(text):
    with pytest.raises(TrackingError, match="run the study again"):
        StudyRecord.from_json(text)


@pytest.mark.parametrize(
    "content",
    [b"", b"a", b"a,b\n1\n", b"story,image_sum\nx,y\n", b"\xff\xfe", b"a\0b", pickle.dumps(3)],
    ids=repr,
)
def test_a_table_of_scores_that_is_none_is_told(tmp_path, content):
    (tmp_path / "test.csv").write_bytes(content)
    scores = ScoresByStory(lambda run, place: tmp_path / "test.csv")
    assert scores([SimpleNamespace(run_id="r1")], MEASURES["test/image_loss"]) is None
    (told,) = scores.broken
    assert told.startswith(f"run r1: {PLACE} is not the table") and "mlflow runs delete --run-id r1" in told


@pytest.mark.parametrize(
    "row, wrong",
    [
        ("x,1,nan", "image_sum that is not finite"),
        ("x,1,1e999", "not finite"),
        ("x,-1,0.2", "windows falls to -1"),
    ],
)
def test_scores_that_are_no_numbers_are_told(tmp_path, row, wrong):
    (tmp_path / "test.csv").write_text(f"story,windows,image_sum\n{row}\n")
    scores = ScoresByStory(lambda run, place: tmp_path / "test.csv")
    assert scores([SimpleNamespace(run_id="r1", metrics={})], MEASURES["test/image_loss"]) is None
    assert wrong in scores.broken[0]


def test_a_part_that_diverged_takes_no_other_with_it(tmp_path):
    (tmp_path / "test.csv").write_text("story,windows,image_sum,text_nats,text_tokens\nx,1,0.2,inf,9\n")
    scores = ScoresByStory(lambda run, place: tmp_path / "test.csv")
    runs = [SimpleNamespace(run_id="r1", metrics={})]
    assert scores(runs, MEASURES["test/image_loss"]) and scores(runs, MEASURES["test/text_loss"]) is None


def test_scores_that_are_gone_or_cut_after_a_whole_line_are_told(tmp_path):
    """Those that are elsewhere in one line: a copied database has the files of no run beside it."""
    rows = ["story,windows,image_sum", "x,1,0.2", "y,1,0.3"]
    for name, kept in {"r1": rows, "r2": rows[:2]}.items():
        (tmp_path / name).write_text("\n".join(kept) + "\n")
    found = {name: tmp_path / name for name in ("r1", "r2")}
    scores = ScoresByStory(lambda run, place: found.get(run.run_id))
    runs = [SimpleNamespace(run_id=name, metrics={}) for name in ("r1", "r2", "r3", "r4")]
    for _ in range(2):
        assert scores(runs[:2], MEASURES["test/image_loss"]) is None
        assert scores(runs[1:], MEASURES["test/image_loss"]) is None
    cut, gone = scores.broken
    assert cut.startswith(f"run r2: {PLACE} is not of the same 2 stories") and "mlflow runs delete" in cut
    assert (
        gone.startswith(f"{PLACE} of run r3 and 1 more is not where the tracker says")
        and "delete" not in gone
    )


def test_a_table_that_lacks_a_column_has_no_scores(tmp_path):
    (tmp_path / "test.csv").write_text("story,image_sum\nx,1\n")
    scores = ScoresByStory(lambda run, place: tmp_path / "test.csv")
    runs = [SimpleNamespace(run_id="r1", metrics={})]
    assert scores(runs, MEASURES["test/image_loss"]) is None and scores.broken == []
