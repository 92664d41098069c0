"""Ids like the vendor's: two words joined by an underscore, each pair used once."""

from __future__ import annotations

import math
import random

_ADJECTIVES_TEXT = """
able amber ancient arctic ardent balmy bashful bold brave breezy brisk bubbly calm candid careful
casual cheerful civic clever coastal cosmic cozy crimson curious dainty dapper daring decent deft
devoted dreamy eager early earnest elated elder electric fabled fearless festive floral fluent
fond formal frosty gentle gilded glad golden graceful grand hardy hearty hidden honest humble
ideal jolly jovial keen kindly lively lucid lunar mellow merry mighty modest mossy neat nimble
noble novel olive orderly patient placid plucky polite proud quaint quiet radiant rapid ready
regal robust rosy royal rustic sable sage serene sincere solar spry stately steady stellar sturdy
sunny swift tender thrifty tidy tranquil trusty upbeat urban valiant vivid warm wary wily witty
woven zesty
"""
_ROOTS_TEXT = """
acorn alder anchor apron arbor arrow aspen badge bamboo barley basin basket beacon berry birch
bramble branch breeze bridge brook bucket button cabin candle canyon carpet castle cedar cellar
cinder cliff clover cobble compass copper coral cottage cradle creek crystal curtain daisy dapple
dell drizzle dropsy drum dune ember falcon feather fern fiddle finch flint forest fountain garden
garnet glacier grove hammer harbor harvest hazel heather hollow island ivy jasper kettle ladder
lagoon lantern laurel ledger lilac linen maple marble meadow mitten morsel needle nutmeg oasis
orchard otter paddle parsley pebble pepper petal pigeon pillow pine prairie quarry quill raven
ribbon ripple river saddle saffron satchel shelter silver sparrow spindle spruce summit sycamore
tassel temple thicket thimble thistle timber tulip tunnel valley velvet violet walnut warbler
willow window wren yarrow zephyr
"""
_ADJECTIVES, _ROOTS = _ADJECTIVES_TEXT.split(), _ROOTS_TEXT.split()
_ENDINGS_TEXT = "s ling wood field stone brook land side mark ton craft"
_ENDINGS = ["", *_ENDINGS_TEXT.split()]


class Words:
    """A seeded stream of unique ids in a random-looking order."""

    def __init__(self, seed: int = 0) -> None:
        rng = random.Random(seed)  # noqa: S311 - names, not keys
        self._nouns = [root + ending for ending in _ENDINGS for root in _ROOTS]
        self._size = len(_ADJECTIVES) * len(self._nouns)
        self._step = self._coprime(rng)
        self._at = rng.randrange(self._size)
        self._made = 0

    def __repr__(self) -> str:
        return f"<Words {self._made} of {self._size} used>"

    def _coprime(self, rng: random.Random) -> int:
        while True:
            step = rng.randrange(self._size // 3, self._size)
            if math.gcd(step, self._size) == 1:
                return step

    def next(self) -> str:
        """Return the next id, such as `decent_dropsy`."""
        self._at = (self._at + self._step) % self._size
        round_ = self._made // self._size
        self._made += 1
        noun, adjective = divmod(self._at, len(_ADJECTIVES))
        return f"{_ADJECTIVES[adjective]}_{self._nouns[noun]}{round_ + 1 if round_ else ''}"
