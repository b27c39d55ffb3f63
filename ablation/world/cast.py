"""The people of a story: a name and a look that stay the same from frame to frame."""

from dataclasses import dataclass

from ablation.world.canvas import Colour
from ablation.world.choice import Chooser

WOMEN = [
    "Anna", "Clara", "Eva", "Grace", "Helen", "Irene", "Julia", "Kate", "Laura", "Maria", "Nora", "Olivia",
    "Rosa", "Sara", "Sofia", "Teresa", "Vera", "Alice", "Emma", "Lucy", "Martha", "Ruth", "Ines", "Maya",
    "Leila", "Amina", "Yuki", "Mei", "Ingrid", "Paula",
]  # fmt: skip
MEN = [
    "Adam", "Ben", "Carl", "Daniel", "Erik", "Frank", "George", "Henry", "Ivan", "James", "John", "Leo",
    "Mark", "Noah", "Oscar", "Paul", "Peter", "Robert", "Samuel", "Thomas", "Victor", "Walter", "David",
    "Luis", "Omar", "Kenji", "Amir", "Marco", "Stefan", "Hugo",
]  # fmt: skip

SKINS: tuple[tuple[str, Colour], ...] = (
    ("pale", (236, 200, 178)),
    ("fair", (224, 182, 152)),
    ("tanned", (198, 150, 114)),
    ("olive", (182, 138, 102)),
    ("brown", (140, 96, 68)),
    ("dark", (98, 66, 48)),
)
HAIRS: tuple[tuple[str, Colour], ...] = (
    ("black", (30, 26, 26)),
    ("dark brown", (58, 40, 30)),
    ("brown", (96, 64, 40)),
    ("auburn", (128, 58, 32)),
    ("blond", (190, 152, 92)),
    ("grey", (140, 138, 134)),
    ("white", (212, 210, 204)),
)
CLOTHES: tuple[tuple[str, Colour], ...] = (
    ("black", (38, 38, 44)),
    ("charcoal", (70, 72, 78)),
    ("navy", (40, 52, 90)),
    ("brown", (104, 74, 50)),
    ("green", (58, 92, 66)),
    ("burgundy", (112, 36, 46)),
    ("red", (168, 46, 40)),
    ("mustard", (186, 142, 54)),
    ("grey", (124, 126, 130)),
    ("cream", (214, 202, 178)),
    ("blue", (66, 104, 152)),
    ("white", (220, 220, 216)),
)
SKIN_WEIGHTS = (3, 4, 3, 2, 2, 2)
HAIR_WEIGHTS = (4, 4, 3, 1.5, 2, 2, 1)
CLOTHES_WEIGHTS = (3, 3, 3, 2, 2, 2, 1.5, 1, 2, 1.5, 2, 1.5)
STYLES = {
    "man": ("short", "swept", "cropped", "bald", "curly"),
    "woman": ("long", "bob", "bun", "ponytail", "curly"),
}
STYLE_WEIGHTS = {"man": (4, 3, 3, 1.3, 1.7), "woman": (3, 2.5, 2, 2, 1.5)}
GARMENTS = {"man": ("jacket", "coat", "sweater", "shirt"), "woman": ("coat", "sweater", "dress", "jacket")}


@dataclass(frozen=True)
class Look:
    sex: str
    skin: int
    hair: int
    style: str
    garment: str
    clothes: int
    inner: int
    """Colour of the shirt under the garment, an index of CLOTHES."""
    build: float
    """Breadth of the shoulders, 1 is average."""
    height: float
    jaw: float
    breadth: float
    """Of the face at the cheekbones, 1 is average; so are nose (length) and brows (thickness)."""
    nose: float
    brows: float
    beard: int
    """0 none, 1 stubble, 2 full, 3 moustache."""
    glasses: bool
    hat: int
    """0 none, 1 brimmed hat, 2 woollen cap."""


@dataclass(frozen=True)
class Character:
    name: str
    look: Look

    @property
    def pronoun(self) -> str:
        return "she" if self.look.sex == "woman" else "he"

    @property
    def possessive(self) -> str:
        return "her" if self.look.sex == "woman" else "his"


def draw_look(choose: Chooser, sex: str) -> Look:
    man = sex == "man"
    return Look(
        sex=sex,
        skin=choose.pick("skin", SKIN_WEIGHTS),
        hair=choose.pick("hair", HAIR_WEIGHTS),
        style=STYLES[sex][choose.pick("style", STYLE_WEIGHTS[sex])],
        garment=GARMENTS[sex][choose.pick("garment", 4)],
        clothes=choose.pick("clothes", CLOTHES_WEIGHTS),
        inner=(9, 11, 8, 10)[choose.pick("inner", 4)],
        build=(1.0 if man else 0.86) * (0.92, 1.0, 1.1)[choose.pick("build", 3)],
        height=(1.0 if man else 0.94) * (0.95, 1.0, 1.05)[choose.pick("height", 3)],
        jaw=(0.9, 1.0, 1.12)[choose.pick("jaw", 3)] * (1.0 if man else 0.92),
        breadth=(0.93, 1.0, 1.06)[choose.pick("breadth", 3)],
        nose=(0.88, 1.0, 1.16)[choose.pick("nose", 3)],
        brows=(0.8, 1.0, 1.35)[choose.pick("brows", 3)],
        beard=choose.pick("beard", (5, 2, 2, 1)) if man else 0,
        glasses=choose.pick("glasses", (4, 1)) == 1,
        hat=choose.pick("hat", (8, 1.4, 1) if man else (10, 0.6, 1)),
    )


def draw_cast(choose: Chooser, size: int) -> tuple[Character, ...]:
    cast: list[Character] = []
    for _ in range(size):
        sex = ("man", "woman")[choose.pick("sex", 2)]
        names = MEN if sex == "man" else WOMEN
        taken = {person.name for person in cast}
        index = choose.pick("name", [0.0 if name in taken else 1.0 for name in names])
        cast.append(Character(names[index], draw_look(choose, sex)))
    return tuple(cast)


def describe_look(look: Look) -> str:
    """One noun phrase, for the table of characters."""
    hair = (
        "bald"
        if look.style == "bald"
        else f"{HAIRS[look.hair][0]} {look.style} hair".replace("swept hair", "swept-back hair")
    )
    parts = [
        f"A {SKINS[look.skin][0]}-skinned {look.sex}"
        if SKINS[look.skin][0] != "dark"
        else f"A dark-skinned {look.sex}"
    ]
    parts.append(hair if look.style == "bald" else f"with {hair}")
    parts.append(f"in a {CLOTHES[look.clothes][0]} {look.garment}")
    extras = ["", "stubble", "a full beard", "a moustache"][look.beard]
    worn = [extras, "glasses" if look.glasses else "", ("", "a brimmed hat", "a woollen cap")[look.hat]]
    worn = [item for item in worn if item]
    return ", ".join(parts) + (", with " + " and ".join(worn) if worn else "")
