"""What makes an operation a value that travels: it compares and is pickled by its address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from bpcheck.errors import NoAddressError
from bpcheck.operations.address import address_of, globals_there_are, loaded_at

T = TypeVar("T")


class Addressed:
    """A thing without state that is found by its address, in every process."""

    #: Its own name, which others may have too.
    name: str

    @property
    def address(self) -> str | None:
        """Its built-in name, or the ``module:attribute`` where it is found; ``None``: nowhere."""
        given: str | None = self._kept.get("address")
        return given or self.place

    @address.setter
    def address(self, address: str) -> None:
        self._kept["address"] = address

    @property
    def place(self) -> str | None:
        """The ``module:attribute`` where it is found in this process; ``None``: nowhere."""
        kept = self._kept
        place: str | None = kept.get("place")
        # Whoever reloads a module has another operation in its place.
        if place is not None and loaded_at(place) is self:
            return place
        there_are = globals_there_are()
        if place is not None or kept.get("searched") != there_are:
            kept["place"], kept["searched"] = address_of(self), there_are
        found: str | None = kept["place"]
        return found

    @property
    def is_built_in(self) -> bool:
        """Whether it belongs to bpcheck, as opposed to one of a user's own, whatever its name."""
        return self._kept.get("address") == self.name

    @property
    def _kept(self) -> dict[str, Any]:
        # Past a frozen dataclass, which an operation of a user's own may well be.
        kept: dict[str, Any] = self.__dict__.setdefault("_operation", {})
        return kept

    def once(self, derive: Callable[[Self], T]) -> T:
        """What `derive` makes of this operation, made when it is first asked for.

        It is kept with this very object: another one may have the same name, or even address,
        when its module was loaded anew.
        """
        derived = self._kept.setdefault("derived", {})
        if derive not in derived:
            derived[derive] = derive(self)
        found: T = derived[derive]
        return found

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Addressed) or self.name != other.name:
            return False
        # Only one object is found at a place, so what was not given an address has one of its own.
        given = self._kept.get("address")
        return given is not None and given == other._kept.get("address")

    def __hash__(self) -> int:
        # An address may come later, when a module's global is assigned; the name stays.
        return hash(self.name)

    def __str__(self) -> str:
        return self.address or self.name

    def __repr__(self) -> str:
        return f"<operation {self}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[[str, str], Any], tuple[str, str]]:
        from bpcheck.operations import operation_at

        why, address = self.why_unaddressed, self.address
        if why or address is None:
            raise NoAddressError(f"{self.name} {why}")
        # A built-in one needs no place, though some module may have a global for it.
        place = self.place if ":" in address else None
        return operation_at, (place or address, address)

    @property
    def why_unaddressed(self) -> str:
        """Why no other process finds it, and what to do, as the end of a sentence; or empty."""
        # A global may have been given this very object since, in the place of another one.
        self._kept.pop("searched", None)
        if self.address is not None:
            return ""
        return (
            "has no address, so no other process can find it: make it a global of a module that "
            f"can be imported, such as {self.name} = {type(self).__name__}(...)"
        )
