"""What a story is about: a thing, a matter, a past, and how it may turn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plot:
    prop: str
    """A name of props.PROPS."""
    thing: str
    matter: str
    """A noun phrase, what everybody talks around."""
    past: tuple[str, ...]
    thoughts: tuple[str, ...]
    """Clauses after "that"."""
    turns: tuple[str, ...]
    """Sentences; {who} and {other} are the people of the frame or its speaker."""
    ends: tuple[str, ...]


PLOTS: tuple[Plot, ...] = (
    Plot(
        "letter", "the letter", "the letter from the north",
        ("The letter arrived three days ago and was read only once", "Nobody had written from the north in eleven years", "The handwriting belongs to someone they buried, or thought they had"),
        ("the dead do not ask for money", "one page can undo a whole marriage", "it should have been burned unread", "the stamp is far too new"),
        ("It turns out that the signature was copied from an old postcard", "The second page, the one that was kept back, names a sister", "The sender has taken a room less than a mile away"),
        ("The letter will be answered after all, and not by a lawyer", "What is left of the letter goes into the fire", "They agree that the letter never came"),
    ),
    Plot(
        "key", "the brass key", "the locked room upstairs",
        ("The room was locked on the night of the funeral", "The key turned up inside a bag of flour", "Their grandfather carried the key on a string until he died"),
        ("some doors are shut out of kindness", "the key is lighter than it ought to be", "there was a voice behind that door once", "the lock has been oiled this week"),
        ("It turns out that the room has been empty all along", "Someone has been sleeping up there since the spring", "The key fits a second lock that nobody knew about"),
        ("The door will stay open from now on", "The key is dropped down the drain and nobody moves", "They decide to sell the house, room and all"),
    ),
    Plot(
        "photograph", "the photograph", "the stranger in the photograph",
        ("The photograph fell out of a borrowed book", "The picture was taken on the last day of that summer", "One face had been cut away with a razor long before"),
        ("the stranger has the family chin", "a camera needs somebody behind it", "the date on the back must be wrong", "faces do not lie, but frames do"),
        ("It turns out that the stranger was the one who took the picture home", "The stranger is alive and teaches at the school", "Both of them were there that day and neither remembers the other"),
        ("The photograph goes back into its book", "They agree to find the stranger before the winter", "The picture is torn in two, and each keeps a half"),
    ),
    Plot(
        "money", "the bundle of notes", "the missing money",
        ("Nine thousand went missing from the safe on Friday", "The money was counted twice, by two honest people", "A debt was promised for the end of the month"),
        ("an honest thief would have taken all of it", "it smells of diesel and soap", "the numbers on the notes run in order", "gratitude is the most expensive loan"),
        ("It turns out that the money never left the building", "The notes are marked, every one of them", "The debt was paid already, by someone who asked for silence"),
        ("The money is returned without a word", "They divide it, and it weighs more afterwards", "The police will hear about it in the morning"),
    ),
    Plot(
        "suitcase", "the suitcase", "the journey that was put off",
        ("The ticket was bought in secret a month ago", "The suitcase has been packed and unpacked since Easter", "A place abroad was offered, and the answer is due tonight"),
        ("leaving is only a habit one has not learned", "the suitcase will be too small for it", "staying is also a decision", "nobody waves from a moving train any more"),
        ("It turns out that there are two tickets", "The place abroad has been given to somebody else", "The journey was meant for the other one all the time"),
        ("The suitcase is unpacked for good", "They will leave together, before it gets light", "One of them goes and the other keeps the house"),
    ),
    Plot(
        "phone", "the phone", "the call that came at dawn",
        ("The phone rang at dawn and a child was crying", "The number has been calling for a week, always at four", "A message was deleted before anyone could hear it twice"),
        ("the voice knew the name of the dog", "silence on a line has a temperature", "it is better to be called than forgotten", "four in the morning is an honest hour"),
        ("It turns out that the calls come from inside the town", "The child on the line is grown and wants an answer", "The number belonged to a brother, years ago"),
        ("The next call will be picked up", "The phone is switched off and put in a drawer", "They write down the number and go to find it"),
    ),
    Plot(
        "notebook", "the notebook", "the last entry of the notebook",
        ("The notebook was found under the floor by a plumber", "Half the pages are written in a hand nobody can place", "The doctor kept a list, and the list was thought lost"),
        ("a list of names is never only a list", "the ink is fresher on the last page", "somebody wanted it to be found", "every cross stands for a visit"),
        ("It turns out that the names are those who were spared", "The last entry is dated tomorrow", "The missing pages were kept in a Bible all these years"),
        ("The notebook will be given to the archive", "They burn it page by page", "A new name is added, and the cover is closed"),
    ),
    Plot(
        "ring", "the ring", "the promise that came with the ring",
        ("The ring was pawned and bought back twice", "The wedding was called off with the cake already cut", "It belonged to a woman whose name is not spoken here"),
        ("a promise keeps longer in a box", "the stone is glass and always was", "it would still fit", "some gifts are a kind of question"),
        ("It turns out that the ring was stolen from its owner", "There was another ring, and another promise", "The proposal had been an order from the family"),
        ("The ring changes hands for the last time", "They keep the promise and lose the ring", "The box is closed and left on the step"),
    ),
    Plot(
        "map", "the map", "the place that is marked on the map",
        ("The map was drawn by a man who never came back", "Three of them went out there and two returned", "The road was closed after the landslide"),
        ("the river has moved since it was drawn", "a cross may also be a warning", "the scale is wrong on purpose", "whoever folds a map badly is lying"),
        ("It turns out that the cross marks a grave", "The map shows the way out and not the way in", "A second map, with a different cross, has been sold in town"),
        ("They will follow the river until it ends", "The map is left where it was found", "The place is reached, and nobody tells about it"),
    ),
    Plot(
        "envelope", "the sealed envelope", "the will and its sealed envelope",
        ("The notary died before the envelope could be opened", "The old man changed his will on a Tuesday", "Four people were asked to come and five have arrived"),
        ("wax can be melted and set again", "the old man loved a joke", "a fair share is always somebody's loss", "whoever laughs first has read it"),
        ("It turns out that the envelope is empty", "Everything goes to the one who asked for nothing", "There is a condition, and it concerns a child"),
        ("They sign, one after the other", "The envelope is sealed again and nobody signs", "The house goes to the stranger, and it seems right"),
    ),
)  # fmt: skip

MOODS: tuple[tuple[str, ...], ...] = (
    ("unease", "a quiet dread", "something unsaid"),
    ("longing", "an old tenderness", "homesickness"),
    ("suspicion", "a cold mistrust", "doubt"),
    ("grief", "a tired sorrow", "loss"),
    ("hope", "a careful hope", "relief not yet allowed"),
    ("anger", "a grudge kept warm", "resentment"),
)
