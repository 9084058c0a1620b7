"""Which presets there are.

istio    Istio's standard metrics, of any proxy or waypoint of Istio's
envoy    the cluster statistics of proxies that istiod configures
custom   two or three queries of the user's
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from gitops_mesh.metrics.prometheus import clusters, custom, istio
from gitops_mesh.metrics.prometheus.preset import Preset
from gitops_mesh.model.settings import PrometheusSettings


def _istio(settings: PrometheusSettings) -> Preset:
    questions = partial(istio.questions, settings)
    return Preset(istio.identity, istio.overlap, questions, istio.of, istio.failed, istio.MILLISECONDS)


def _envoy(settings: PrometheusSettings) -> Preset:
    questions = partial(clusters.questions, settings)
    return Preset(clusters.identity, clusters.overlap, questions, clusters.of, clusters.failed, clusters.MILLISECONDS)


def _custom(settings: PrometheusSettings) -> Preset:
    return Preset(istio.identity, istio.overlap, partial(custom.questions, settings), custom.of, custom.failed, 1.0)


PRESETS: Mapping[str, Callable[[PrometheusSettings], Preset]] = {"istio": _istio, "envoy": _envoy, "custom": _custom}
"""Every preset that `metrics.prometheus.preset` can name."""
