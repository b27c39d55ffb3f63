"""The alternatives of the grammar.

{S} is the one the sentence is about, {he} {his} {him} follow; {O} is another person; [verb] is an action of {S};
{at} {place}, {light}, {thing} (the story's thing), {matter} and {mood} come from the state.
"""

OPENINGS: dict[str, tuple[str, ...]] = {
    "wide": (
        "{light}, {place} opens wide around {S}, who [stands] small against it",
        "{place} lies open {light}, and {S} [keeps] to the middle of it, head to foot in view",
        "From a distance one sees {place} {light}, with {S} [waiting] where everybody would pass",
        "The whole of {place} can be seen {light}, and {S} [belongs] to it like a piece of furniture",
        "{S} [has come] to {place} {light}, and from here the room for excuses looks small",
        "{light} the distances {at} {place} seem longer, and {S} [does] nothing to shorten them",
    ),
    "group": (
        "{light}, {S} and {O} [stand] {at} {place} with a careful step between them",
        "{place} holds both of them {light}: {S} [has turned] toward {O}, and neither moves first",
        "{S} and {O} [face] each other {at} {place} {light}, as they must have done before",
        "{At} {place}, {light}, {S} [shares] the space with {O} as one shares a bench with a stranger",
        "Side by side {at} {place} {light}, {S} and {O} [measure] what is left to say",
        "Between {S} and {O} there is only the air of {place} {light}, and it [carries] every word",
    ),
    "medium": (
        "{At} {place}, {light}, {S} [stands] apart and is seen from the waist up",
        "{S} [stops] {at} {place} {light} and lets the others wait",
        "{light}, {S} [holds] still {at} {place}, with the background soft behind {him}",
        "{place} goes dim behind {S}, who [turns] to answer {light}",
        "Alone in the picture, {S} [considers] {place} {light} as if it were for sale",
        "{S} [keeps] a corner of {place} to {him}self {light}",
        "It is {S} now who [takes] the floor {at} {place} {light}",
    ),
    "close": (
        "The face of {S} fills everything; {place} is only a blur of colour {light}",
        "Close to, {light}, {S} [hides] very little, and {place} has dissolved behind {him}",
        "{light}, every line in the face of {S} [can be read], and {place} no longer matters",
        "{S} [comes] so near that {place} melts away {light}",
        "One half of the face of {S} lies in shadow {light}; {place} is far off and out of focus",
        "Nothing is left of {place} but haze {light}, and {S} [looks] past the edge of it",
    ),
    "over": (
        "Over the dark shoulder of {O}, {S} [comes] into view {at} {place} {light}",
        "{O} is only a back and a shoulder here; beyond, {at} {place}, {S} [answers] {light}",
        "{S} [faces] {O}, whose head darkens one side of {place} {light}",
        "Seen past {O}, {S} [stands] {at} {place} {light} and does not look away",
        "The outline of {O} cuts into the picture, and {S} [meets] the unseen eyes {light} {at} {place}",
    ),
    "insert": (
        "{light}, a hand [rests] beside {thing} on a table {at} {place}; it is the hand of {S}",
        "{thing} lies on the bare wood {light}, and {S} [touches] it with careful fingers, here {at} {place}",
        "Only {thing} matters now: {S} [has laid] it down {at} {place} {light}",
        "On the table {at} {place}, {light}, {S} [keeps] a hand close to {thing}",
        "The fingers of {S} [reach] for {thing} {light}, and the rest of {place} falls away",
    ),
    "empty": (
        "Nobody is to be seen {at} {place} {light}",
        "{place} is empty {light}, as if it had been cleared for what is coming",
        "{light}, {place} waits without a soul in it",
        "For a moment there is only {place} {light}, with nobody to claim it",
        "{place} keeps its own company {light}",
    ),
    "still": (
        "A breath later, {S} [has] hardly moved; {place} lies as before {light}",
        "The moment goes on {at} {place} {light}, and {S} [remains] where {he} was",
        "Nothing changes {light} {at} {place}, except that {S} [shifts] {his} weight",
        "{S} [stays] in the same spot {at} {place} {light} and lets the silence work",
    ),
}

GESTURES: dict[str, tuple[str, ...]] = {
    "stand": ("{S} [lets] both arms hang and gives nothing away", "{S} [stands] straight, as one does before a photograph", "{His} hands [hang] idle, which is not like {him}"),
    "walk": ("{S} [walks] with the short steps of someone who has been called back", "{S} [crosses] the floor without hurrying", "{S} [sets] one foot before the other and listens to each"),
    "cross": ("{S} [crosses] {his} arms and keeps them there", "With folded arms {S} [guards] whatever {he} came with", "{S} [folds] {his} arms, and the talk is over for now"),
    "phone": ("{S} [presses] a telephone to {his} ear and hardly breathes", "{S} [listens] to a voice on the telephone", "With the telephone at {his} cheek, {S} [nods] to somebody far away"),
    "point": ("{S} [points] to something at the edge of the picture", "An outstretched arm [says] what {S} will not", "{S} [raises] an arm and shows the way"),
    "hold": ("{S} [holds] {thing} against {his} chest with both hands", "In {his} hands {S} [carries] {thing}, for everyone to see", "{S} [offers] {thing} and does not let it go"),
    "cup": ("{S} [lifts] a cup and forgets to drink", "{S} [warms] {his} fingers on a cup", "Over the rim of a cup {S} [studies] the room"),
    "chin": ("{S} [rests] {his} chin on one hand", "A hand [goes] to {his} chin while {he} thinks it over", "{S} [rubs] {his} jaw as if the answer were hidden there"),
    "open": ("{S} [throws] up both hands", "{S} [opens] {his} hands to show that they are empty", "Both palms raised, {S} [asks] for patience"),
    "pockets": ("{S} [buries] {his} hands in {his} pockets", "Hands in {his} pockets, {S} [pretends] to be at ease", "{S} [searches] {his} pockets for nothing in particular"),
    "back": ("{S} [keeps] {his} back to us", "Of {S} we [see] the back of the head and no more"),
}  # fmt: skip

FACES: dict[str, tuple[str, ...]] = {
    "calm": ("{his} face is smooth and tells nothing", "{he} looks on without a flicker", "{his} gaze is level and almost kind"),
    "worried": ("{his} brows draw up in worry", "worry has settled round {his} eyes", "{he} looks like someone counting the exits"),
    "angry": ("{his} brows come down hard", "anger tightens {his} mouth", "{he} glares, and means it"),
    "sad": ("{his} eyelids are heavy with sadness", "sorrow pulls at the corners of {his} mouth", "{he} seems close to tears"),
    "amused": ("a smile gets the better of {him}", "{he} smiles as if at an old joke", "something amuses {him}, and {he} shows it"),
    "startled": ("{his} eyes go wide", "{his} mouth falls open in surprise", "{he} starts as if touched"),
    "wary": ("{his} eyes narrow", "{he} watches from under lowered brows", "{his} look is guarded"),
}  # fmt: skip

SPEECH = (
    "{S} [says] it softly, almost in passing",
    "{S} [speaks] first, and too fast",
    "\"Not here,\" {S} [whispers]",
    "\"You knew,\" {S} [says], and it is not a question",
    "\"Tell me again,\" {S} [demands]",
    "\"We are running out of evenings,\" {S} [says]",
    "{S} [lowers] {his} voice for the last three words",
    "\"Ask me tomorrow,\" {S} [replies]",
    "\"I never said that,\" {S} [insists]",
    "{S} [begins] a sentence and leaves it unfinished",
)  # fmt: skip

STAGES: tuple[tuple[str, ...], ...] = (
    (
        "{S} has come because of {matter}, though nobody has said so yet",
        "Until today {matter} was somebody else's affair, and {S} would like it to stay so",
        "{O} was the first to mention {matter}, and {S} has not slept since",
        "It begins, as such things do, with {matter} and a wrong word from {O}",
        "{S} knows less about {matter} than {he} makes {O} believe",
    ),
    (
        "When {S} asks about {matter}, {O} takes too long to answer",
        "{O} wants to know how long {S} has known about {matter}",
        "{S} tells only one half of {matter} and keeps the other for {him}self",
        "For the first time {S} and {O} use the same words for {matter}",
        "{S} asks three questions about {matter}, and {O} answers a fourth",
    ),
    (
        "{O} refuses to hear another word about {matter}, and {S} goes on all the same",
        "{S} has begun to suspect that {O} is the reason for {matter}",
        "Each time {matter} comes up, {S} and {O} know a little less of each other",
        "There is a price for {matter}, and {O} has just named it to {S}",
        "{S} promises {O} to let {matter} rest, and both know what that is worth",
    ),
    (),
    (
        "{S} makes up {his} mind about {matter} and tells {O} nothing of it",
        "After this there is no way round {matter}, neither for {S} nor for {O}",
        "{O} gives in at last, and {S} finds that {matter} has lost its sting",
        "What {S} decides about {matter} tonight, {O} will have to live with",
        "{S} asks {O} for one more day with {matter} and is given an hour",
    ),
    (),
)

THOUGHTS = ("{S} thinks that {thought}", "To {S} it seems that {thought}", "{S} cannot help feeling that {thought}", "It occurs to {S} that {thought}")  # fmt: skip
REMARKS = (
    "People who know {S} would say that {he} has never been good at waiting, and least of all for {O}",
    "There was a time when {S} would have told {O} everything before the coffee was cold",
    "Later {S} will remember the hour and the smell of it, but not a single word that {O} used",
    "It would be easy to leave now, and {S} counts the steps to the way out without taking one",
    "Everybody in this town has an opinion about {S}, and most of them have it from {O}",
    "{S} has rehearsed this meeting on the way here, with a better ending than the one that offers itself",
    "What {S} would give for one ordinary evening is nobody's business, and {O} knows better than to ask",
    "For years {S} has owed {O} an answer, and the question has changed in the meantime",
)
RUMOURS = (
    "They say around here that {thought}, and nobody has troubled to deny it",
    "{O} once remarked that {thought}, which sounded like a joke in those days",
    "An old saying has it that {thought}, and {S} has never believed it until now",
    "Had anyone asked {S}, the reply would have been that {thought}",
)
SOUNDS = ("Out of sight {sound}", "Somewhere {sound}", "While they wait, {sound}", "Unseen, {sound}")
PASTS = ("{past}", "{past}, and that explains a good deal", "Nobody forgets how it started: {past_low}")
TENSION = (
    "The tension between them could be cut with a knife",
    "The tension grows with every second that nobody speaks",
    "It is {mood} that feeds the tension now",
    "Even here the tension does not let go",
    "The tension in the air is almost a sound",
    "Then the tension gives way, a little, to {mood}",
    "One can feel the tension in the smallest gesture",
)
MOOD = (
    "What remains is {mood}",
    "Over everything lies {mood}",
    "There is {mood} in this, and no name for the rest",
    "Nobody would call it {mood}, but it is",
    "And so {mood} takes its place among them",
)
