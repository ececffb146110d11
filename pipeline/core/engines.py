"""The registry of engines: their names, and what is to be known of one before it is made.

A further engine is a line here and a folder ``pipeline/engines/<name>/`` whose ``engine`` module
has ``make(settings)``. What an engine does, and may do beyond the contract, it says itself:
`pipeline.engines.base`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Traits:
    """What is known of an engine by its name.

    Parameters
    ----------
    needs
        The setting without which it is not offered; empty when it needs none.
    in_cluster
        Its steps are pods: they choose among nodes, reach MLflow in their own way, and write to a
        claim that need not be this volume. It is another server, which may be away.
    page
        What its own page, on which people start runs too, is called; empty where it has none.
    """

    needs: str = ""
    in_cluster: bool = False
    page: str = ""


ENGINES = {
    "local": Traits(),
    "kubeflow": Traits(needs="kfp_endpoint", in_cluster=True, page="KFP UI"),
}
# What a document is for that is written to be uploaded, and what runs a step that is in a pod.
CLUSTER = next(name for name, traits in ENGINES.items() if traits.in_cluster)


def traits_of(engine: str) -> Traits:
    """Give what is known of an engine; of one that is not there any more, nothing."""
    return ENGINES.get(engine, Traits())
