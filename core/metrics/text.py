"""Figures in the text form of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from core.metrics.counts import Durations, Labels
from core.metrics.gauges import Gauge

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def of_gauge(gauge: Gauge) -> Iterator[str]:
    yield from _head(gauge.name, gauge.meaning, "gauge")
    for value, figure in sorted(gauge.values.items()):
        yield f"{gauge.name}{_labels([(gauge.label, value)] if gauge.label else [])} {figure:g}"


def of_durations(durations: Durations, counted: Mapping[Labels, list[float]]) -> Iterator[str]:
    yield from _head(durations.name, durations.meaning, "histogram")
    for values, (*buckets, seconds) in sorted(counted.items()):
        labels = list(zip(durations.labels, values, strict=True))
        whole = [*accumulate(buckets)]
        for bound, count in zip([*(f"{bound:g}" for bound in durations.bounds), "+Inf"], whole, strict=True):
            yield f"{durations.name}_bucket{_labels([*labels, ('le', bound)])} {count:.0f}"
        yield f"{durations.name}_sum{_labels(labels)} {seconds:.6f}"
        yield f"{durations.name}_count{_labels(labels)} {whole[-1]:.0f}"


def _head(name: str, meaning: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
