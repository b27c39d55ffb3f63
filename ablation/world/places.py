"""Where stories happen: what stands at which camera angle, and the names that the words use."""

from dataclasses import dataclass

from ablation.world.canvas import Colour

Element = tuple[str, float, float]
"""Name of a painter in interiors or exteriors, left edge and width as shares of the plate."""


@dataclass(frozen=True)
class Place:
    names: tuple[str, ...]
    kind: str
    """"room", "open_air" or "cabin"."""
    wall: Colour
    floor: Colour
    angles: tuple[tuple[Element, ...], ...]
    """Three angles: two that face each other across the axis of a dialogue, and a side view."""
    sounds: tuple[str, ...]
    preposition: str = "in"

    @property
    def indoors(self) -> bool:
        return self.kind == "room"


PLACES: tuple[Place, ...] = (
    Place(
        ("the kitchen", "the old kitchen", "the narrow kitchen"),
        "room", (162, 150, 120), (124, 96, 70),
        (
            (("counter", 0.3, 0.5), ("window", 0.42, 0.2), ("fridge", 0.84, 0.13), ("pendant", 0.3, 0)),
            (("door", 0.2, 0.14), ("shelf", 0.44, 0.2), ("clock", 0.72, 0.06), ("pendant", 0.6, 0)),
            (("curtains", 0.08, 0.24), ("counter", 0.4, 0.4), ("plant", 0.88, 0), ("pendant", 0.5, 0)),
        ),
        ("a tap drips", "the kettle ticks as it cools", "the refrigerator hums", "a radio murmurs behind the wall"),
    ),
    Place(
        ("the street", "the side street", "Mercer Street"),
        "open_air", (96, 92, 98), (98, 96, 94),
        (
            (("houses", 0.0, 0.42), ("road", 0.55, 0.5), ("houses", 0.68, 0.34), ("street_lamp", 0.36, 0), ("car", 0.8, 0)),
            (("shop", 0.08, 0.34), ("houses", 0.42, 0.6), ("pavement", 0, 1), ("street_lamp", 0.78, 0)),
            (("houses", -0.02, 1.04), ("pavement", 0, 1), ("car", 0.3, 0), ("street_lamp", 0.62, 0)),
        ),
        ("a tram grinds round the corner", "somebody whistles two streets away", "tyres hiss on the asphalt", "a dog barks and stops"),
    ),
    Place(
        ("the office", "the corner office", "the back office"),
        "room", (130, 136, 134), (84, 86, 88),
        (
            (("blinds", 0.28, 0.26), ("desk", 0.5, 0.32), ("plant", 0.9, 0), ("tubes", 0.2, 0.7)),
            (("cabinets", 0.16, 0.3), ("door", 0.62, 0.13), ("clock", 0.5, 0.06), ("tubes", 0.3, 0.6)),
            (("shelf", 0.06, 0.26), ("desk", 0.34, 0.34), ("picture", 0.74, 0.14), ("tubes", 0.2, 0.6)),
        ),
        ("a telephone rings twice and gives up", "the ventilation hums", "footsteps pass in the corridor", "a printer wakes and falls silent"),
    ),
    Place(
        ("the forest road", "the road through the pines", "the logging track"),
        "open_air", (62, 78, 60), (88, 80, 58),
        (
            (("road", 0.5, 0.36), ("trees", 0.0, 0.42), ("trees", 0.6, 0.4), ("undergrowth", 0, 1)),
            (("trees", 0.0, 1.0), ("undergrowth", 0, 1), ("car", 0.78, 0)),
            (("trees", 0.3, 0.7), ("road", 0.2, 0.4), ("undergrowth", 0.3, 0.7)),
        ),
        ("a branch cracks out of sight", "crows complain above the treetops", "the wind moves in the pines", "water runs in a ditch nobody can see"),
        "on",
    ),
    Place(
        ("the bar", "the cellar bar", "the Blue Anchor"),
        "room", (86, 54, 42), (58, 42, 34),
        (
            (("bottles", 0.3, 0.44), ("bar_top", 0.2, 0.66), ("pendant", 0.4, 0), ("pendant", 0.64, 0)),
            (("booth", 0.2, 0.4), ("picture", 0.68, 0.13), ("sign", 0.3, 0.2), ("pendant", 0.8, 0)),
            (("door", 0.1, 0.13), ("bottles", 0.4, 0.3), ("bar_top", 0.34, 0.6), ("pendant", 0.55, 0)),
        ),
        ("a slow song ends and nobody starts another", "ice cracks in a glass", "laughter rises at a table behind them", "the door lets in a gust of traffic"),
    ),
    Place(
        ("the bedroom", "the attic bedroom", "the guest room"),
        "room", (120, 112, 126), (104, 80, 64),
        (
            (("bed", 0.36, 0.42), ("window", 0.18, 0.16), ("standing_lamp", 0.84, 0), ("picture", 0.5, 0.14)),
            (("door", 0.7, 0.13), ("shelf", 0.22, 0.18), ("standing_lamp", 0.52, 0)),
            (("curtains", 0.28, 0.34), ("bed", 0.56, 0.4), ("standing_lamp", 0.2, 0)),
        ),
        ("rain taps on the roof", "a pipe knocks inside the wall", "somebody coughs in the next room", "the floor creaks under nobody"),
    ),
    Place(
        ("the harbour", "the old harbour", "the fishing quay"),
        "open_air", (88, 96, 108), (92, 88, 84),
        (
            (("water", 0, 1), ("boats", 0.3, 0.6), ("quay", 0, 1)),
            (("water", 0, 1), ("crane", 0.18, 0), ("skyline", 0.5, 0.5), ("quay", 0, 1)),
            (("shop", 0.56, 0.34), ("houses", 0.0, 0.5), ("pavement", 0, 1), ("street_lamp", 0.5, 0)),
        ),
        ("gulls quarrel over the water", "a rope groans against a post", "a ship's horn sounds from the mouth of the bay", "chains clink in the swell"),
        "at",
    ),
    Place(
        ("the station", "the railway platform", "platform four"),
        "open_air", (92, 90, 92), (104, 100, 94),
        (
            (("train", 0.4, 0.62), ("platform", 0, 1), ("canopy", 0, 1), ("street_lamp", 0.22, 0)),
            (("houses", 0.0, 0.9), ("platform", 0, 1), ("canopy", 0, 1), ("pillar", 0.7, 0.05)),
            (("train", -0.02, 1.04), ("platform", 0, 1), ("pillar", 0.24, 0.05)),
        ),
        ("a loudspeaker reads out a delay", "the rails begin to sing", "a whistle blows at the far end", "wheels of a trolley rattle past"),
        "at",
    ),
    Place(
        ("the car", "the parked car", "the old sedan"),
        "cabin", (96, 84, 76), (50, 46, 44),
        ((), (), ()),
        ("the engine ticks", "the wipers squeak once", "the radio loses its station", "gravel cracks under the tyres"),
    ),
    Place(
        ("the rooftop", "the flat roof", "the roof of the tenement"),
        "open_air", (72, 78, 92), (86, 82, 80),
        (
            (("skyline", 0.0, 1.0), ("parapet", 0, 1), ("water_tower", 0.74, 0)),
            (("skyline", 0.2, 0.8), ("parapet", 0, 1), ("sign", 0.06, 0.2)),
            (("skyline", 0.0, 1.0), ("parapet", 0, 1), ("door", 0.1, 0.13)),
        ),
        ("sirens wander through the blocks below", "a fan turns on some other roof", "pigeons shift under the ledge", "the city mutters far below"),
        "on",
    ),
    Place(
        ("the diner", "the all-night diner", "the roadside diner"),
        "room", (142, 118, 104), (110, 104, 100),
        (
            (("booth", 0.3, 0.46), ("blinds", 0.36, 0.3), ("pendant", 0.52, 0)),
            (("counter", 0.22, 0.5), ("sign", 0.4, 0.22), ("clock", 0.8, 0.06), ("tubes", 0.1, 0.7)),
            (("door", 0.74, 0.13), ("booth", 0.14, 0.4), ("picture", 0.26, 0.12), ("pendant", 0.32, 0)),
        ),
        ("plates clatter behind the hatch", "the coffee machine sighs", "a truck pulls out on to the highway", "the jukebox changes records"),
    ),
    Place(
        ("the living room", "the front room", "the parlour"),
        "room", (134, 112, 84), (110, 74, 54),
        (
            (("sofa", 0.34, 0.36), ("picture", 0.44, 0.16), ("standing_lamp", 0.76, 0), ("curtains", 0.14, 0.18)),
            (("shelf", 0.18, 0.3), ("door", 0.6, 0.13), ("plant", 0.86, 0), ("clock", 0.52, 0.06)),
            (("curtains", 0.36, 0.3), ("sofa", 0.5, 0.36), ("standing_lamp", 0.26, 0)),
        ),
        ("a clock strikes the half hour", "a car slows outside and drives on", "children shout in the yard", "the house settles with a crack"),
    ),
    Place(
        ("the hospital corridor", "the ward", "the waiting room"),
        "room", (158, 172, 164), (140, 146, 142),
        (
            (("door", 0.24, 0.13), ("door", 0.62, 0.13), ("tubes", 0.1, 0.8), ("plant", 0.48, 0)),
            (("blinds", 0.3, 0.3), ("bed", 0.5, 0.4), ("tubes", 0.2, 0.6)),
            (("cabinets", 0.52, 0.28), ("clock", 0.36, 0.06), ("door", 0.14, 0.13), ("tubes", 0.1, 0.8)),
        ),
        ("a monitor beeps behind a door", "rubber soles squeak on the linoleum", "a lift opens on an empty floor", "someone is called by name, too quietly"),
    ),
    Place(
        ("the library", "the reading room", "the city archive"),
        "room", (104, 82, 60), (88, 62, 46),
        (
            (("shelf", 0.18, 0.34), ("desk", 0.5, 0.34), ("standing_lamp", 0.9, 0), ("window", 0.58, 0.16)),
            (("shelf", 0.14, 0.72), ("pendant", 0.36, 0), ("pendant", 0.7, 0)),
            (("shelf", 0.04, 0.26), ("door", 0.44, 0.13), ("shelf", 0.66, 0.28), ("pendant", 0.5, 0)),
        ),
        ("a page is turned somewhere", "a chair scrapes on the floor above", "the radiator hisses", "a trolley squeaks between the rows"),
    ),
)  # fmt: skip

EXTENTS: dict[str, tuple[float, float, float, float]] = {
    # what an element adds left of x, its top, what it adds right of x + width, its bottom
    "counter": (0, 0.12, 0, 0.71), "window": (0.012, 0.09, 0.012, 0.53), "fridge": (0, 0.14, 0, 0.7),
    "pendant": (0.045, 0, 0.045, 0.25), "door": (0.012, 0.11, 0.012, 0.66), "shelf": (0, 0.1, 0, 0.66),
    "clock": (0.013, 0.11, 0.013, 0.29), "curtains": (0, 0.07, 0, 0.64), "plant": (0.08, 0.34, 0.08, 0.73),
    "blinds": (0.012, 0.09, 0.012, 0.53), "desk": (0, 0.42, 0, 0.78), "cabinets": (0, 0.24, 0.02, 0.68),
    "picture": (0, 0.16, 0, 0.42), "bottles": (0, 0.1, 0, 0.5), "bar_top": (0, 0.56, 0, 0.84),
    "booth": (0, 0.42, 0, 0.82), "sign": (0, 0.16, 0, 0.285), "bed": (0, 0.42, 0, 0.78),
    "standing_lamp": (0.045, 0.22, 0.045, 0.74), "sofa": (0, 0.48, 0, 0.74), "houses": (0, 0.02, 0.06, 0.66),
    "street_lamp": (0.01, 0.07, 0.07, 0.72), "car": (0.1, 0.57, 0.11, 0.77), "shop": (0, 0.08, 0.01, 0.68),
    "trees": (0.02, 0, 0.04, 0.8), "boats": (0.0, 0.24, 0.02, 0.72), "crane": (0.08, 0.06, 0.2, 0.56),
    "skyline": (0.02, 0.2, 0, 0.64), "train": (0, 0.16, 0, 0.74), "water_tower": (0.02, 0.03, 0.12, 0.62),
}  # fmt: skip

THINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "counter": ("the counter", ("is wiped clean except for a pan", "runs the length of the wall", "carries what is left of breakfast")),
    "window": ("the window", ("shows nothing but sky", "cuts the wall in two", "frames a world that goes on without them")),
    "fridge": ("the refrigerator", ("stands white and useless in the corner", "is the brightest thing in sight")),
    "pendant": ("the hanging lamp", ("draws a cone in the air", "hangs low on its wire", "sways a little on its cord")),
    "door": ("the door", ("stays shut", "waits at the edge of the scene", "is closed, but not locked")),
    "shelf": ("the shelves", ("are crowded with old spines", "rise to the ceiling", "hold more than anyone has read")),
    "clock": ("the clock on the wall", ("says it is later than it feels", "has stopped once already today", "watches over all of it")),
    "curtains": ("the red curtains", ("hang half drawn", "hold back most of the outside", "frame the glass like a stage")),
    "plant": ("the plant in its clay pot", ("leans toward the light", "needs water", "is the only green thing here")),
    "blinds": ("the blinds", ("slice the view into strips", "are tilted so that nobody can see in", "stripe the wall behind")),
    "desk": ("the desk", ("is bare but for a screen and some papers", "stands between the chair and the rest", "glows with an open screen")),
    "cabinets": ("the filing cabinets", ("stand in a row like witnesses", "line the wall, every drawer shut")),
    "picture": ("the landscape on the wall", ("hangs slightly crooked", "shows hills that nobody here has visited")),
    "bottles": ("the rows of bottles", ("catch the light one by one", "gleam amber and green", "stand like a small audience")),
    "bar_top": ("the long wooden bar", ("has been polished by a thousand elbows", "divides the room")),
    "booth": ("the leather booth", ("keeps its red even in this light", "has two seats and one table", "sags where people always sit")),
    "sign": ("the neon sign", ("burns pink and blue", "stains everything near it", "flickers and holds")),
    "bed": ("the bed", ("is made, as if for a guest", "has not been slept in", "takes up half the floor")),
    "standing_lamp": ("the standing lamp", ("keeps one corner for itself", "makes a small island", "has a shade the colour of old paper")),
    "sofa": ("the green sofa", ("has kept the shape of its owner", "stands empty against the wall", "looks softer than it is")),
    "houses": ("the house fronts", ("stand shoulder to shoulder", "look down with all their panes", "close the view on one side")),
    "street_lamp": ("the street lamp", ("stands over them like a chaperone", "marks the place where the kerb bends", "leans over the road")),
    "car": ("the parked car", ("has not moved since morning", "waits with its nose to the kerb", "reflects a strip of sky")),
    "shop": ("the shop with its striped awning", ("displays things nobody buys", "is still open, it seems", "looks on from the corner")),
    "trees": ("the trees", ("stand close together", "thin out toward the light", "swallow the far end of the view")),
    "boats": ("the fishing boats", ("lie side by side at the pier", "tug at their ropes", "rock without leaving")),
    "crane": ("the loading crane", ("reaches over the water", "stands idle against the sky")),
    "skyline": ("the skyline", ("piles up behind them", "fades block by block", "pricks the haze with its windows")),
    "train": ("the green train", ("stands with all its doors shut", "fills one side of the view", "waits for a signal")),
    "water_tower": ("the water tower", ("stands on its thin legs", "is black against the air")),
}  # fmt: skip

LIGHT_WORDS: dict[str, tuple[str, ...]] = {
    "daylight": ("in clear daylight", "under a bright noon sky", "in the plain light of day", "in the sharp light of morning"),
    "overcast": ("under a flat grey sky", "in the shadowless light of an overcast day", "in pale, even light", "on a colourless afternoon"),
    "golden": ("in the gold of late afternoon", "in the last warm sun", "with the sun low and yellow", "in slanting amber light"),
    "dusk": ("at dusk", "in the blue hour", "as the day drains away", "between daylight and lamplight"),
    "lamplight": ("by lamplight", "in the yellow circle of a lamp", "in warm half-darkness", "with only the lamps to see by"),
    "night": ("at night", "in the cold dark", "deep in the night", "under a moonless blue"),
    "neon": ("in violet neon", "in the glow of the signs", "under coloured light that belongs to no hour", "in pink and violet shadow"),
    "fog": ("in white fog", "in air like milk", "while the fog swallows the edges", "in a haze without shadows"),
    "rain": ("under a wet grey sky", "in the dull light of rain", "as rain darkens everything", "in weather that keeps people indoors"),
}  # fmt: skip
