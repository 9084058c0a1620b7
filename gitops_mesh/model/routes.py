"""Routes and their splits: what a shift moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gitops_mesh.model.objects import ObjectKey


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """Where a route sends a share of its traffic: resolved host, subset (or empty), port (0: not given)."""

    host: str
    """Fully qualified: `reviews.shop.svc.cluster.local`, or a ServiceEntry's host."""
    subset: str = ""
    port: int = 0

    def __str__(self) -> str:
        """As a person says it: `reviews:v2`, `reviews.shop.svc.cluster.local` cut at `.NS.svc.`."""
        name = self.host.split(".", 1)[0] if ".svc." in self.host else self.host
        port = f"@{self.port}" if self.port else ""
        return f"{name}:{self.subset}{port}" if self.subset else f"{name}{port}"


@dataclass(frozen=True, slots=True, order=True)
class RouteRef:
    """One route of one object. `route` is its identity in the object (see `mesh.routes`): `http/main`."""

    key: ObjectKey
    route: str

    def __str__(self) -> str:
        return f"{self.key} {self.route}"


@dataclass(frozen=True, slots=True)
class Split:
    """A route's destinations with their normalised shares: sorted, all above 0, summing to 1."""

    shares: tuple[tuple[Destination, Fraction], ...]

    @staticmethod
    def of(weights: Mapping[Destination, Fraction | int] | Iterable[tuple[Destination, Fraction | int]]) -> Split:
        """Merge duplicates, drop zeros, normalise. All zero (or empty) gives the empty split."""
        merged: dict[Destination, Fraction] = {}
        for destination, weight in weights.items() if isinstance(weights, Mapping) else weights:
            merged[destination] = merged.get(destination, Fraction(0)) + Fraction(weight)
        total = sum(merged.values(), Fraction(0))
        return Split(tuple(sorted((d, w / total) for d, w in merged.items() if w > 0)))

    def share(self, destination: Destination) -> Fraction:
        """The share of `destination`, 0 when it is not in the split."""
        return dict(self.shares).get(destination, Fraction(0))

    @property
    def destinations(self) -> frozenset[Destination]:
        return frozenset(destination for destination, _ in self.shares)

    def rising(self, target: Split) -> frozenset[Destination]:
        """The destinations that get more in `target` than here."""
        return frozenset(d for d, share in target.shares if share > self.share(d))

    def __str__(self) -> str:
        return ", ".join(f"{destination} {_percent(share)}" for destination, share in self.shares) or "nothing"


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """A split together with what its subsets meant: the labels by which each selected its endpoints.

    Two records are equal only when both are; a subset whose labels were edited is another release.
    """

    split: Split
    labels: tuple[tuple[Destination, tuple[tuple[str, str], ...]], ...] = ()
    """For each destination with a subset, its sorted labels; sorted."""

    @property
    def release(self) -> tuple[tuple[Destination, tuple[tuple[str, str], ...]], ...]:
        """What a failed release is remembered by: its destinations and their labels, whatever the shares."""
        labels = dict(self.labels)
        return tuple((d, labels.get(d, ())) for d, _ in self.split.shares)


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):.4g}%"
