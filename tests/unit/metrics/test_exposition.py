"""Reading what Envoy exposes."""

from __future__ import annotations

import pytest

from gitops_mesh.metrics.exposition import samples
from gitops_mesh.metrics.increments import Sample

TEXT = """\
# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{envoy_cluster_name="reviews_v1_0a"} 120
envoy_cluster_upstream_rq_completed{envoy_cluster_name="reviews_v2_0b"} 0
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="reviews_v1_0a"} 4
envoy_cluster_upstream_rq{envoy_response_code="504",envoy_cluster_name="reviews_v1_0a"} 1
envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="reviews_v1_0a"} 113
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="reviews_v1_0a"} 113
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="reviews_v1_0a"} 7
envoy_cluster_upstream_rq_rx_reset{envoy_cluster_name="reviews_v1_0a"} 2
envoy_cluster_upstream_cx_destroy_remote_with_active_rq{envoy_cluster_name="reviews_v1_0a"} 3
envoy_cluster_upstream_rq_timeout{envoy_cluster_name="reviews_v1_0a"} 1
envoy_cluster_upstream_rq_retry{envoy_cluster_name="reviews_v1_0a"} 5
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="reviews_v1_0a",le="0.5"} 1
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="reviews_v1_0a",le="250"} 90
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="reviews_v1_0a",le="+Inf"} 120
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="reviews_v1_0a"} 4000.5
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="reviews_v1_0a"} 120
"""


def test_each_cluster_has_its_sample() -> None:
    assert samples(TEXT) == {
        "reviews_v1_0a": Sample(
            completed=120,
            failed=7,
            unavailable=4,
            timeouts=1,
            resets=2,
            closed=3,
            timed_out=1,
            retried=5,
            buckets={0.0005: 1, 0.25: 90, float("inf"): 120},
        ),
        "reviews_v2_0b": Sample(),
    }


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "nonsense",
        'envoy_cluster_upstream_rq_completed{envoy_cluster_name="a"} NaN',
        'envoy_cluster_upstream_rq_completed{envoy_cluster_name="a"} -5',
        'envoy_cluster_upstream_rq_completed{envoy_cluster_name="a"} +Inf',
        'envoy_cluster_upstream_rq_completed{envoy_cluster_name="a"} many',
        'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="a"} 3',
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="soon"} 3',
        'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="nan"} 3',
        "envoy_server_uptime{} 5",
    ],
)
def test_odd_lines_are_passed_over(odd: str) -> None:
    assert samples(odd) == {}
