#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the dashboard for Grafana: dashboard.py > dashboard.json."""
import json
import sys

PANELS = [
    ("Decisions per second, by effect", "ops", [("{{effect}}", "sum by (effect) (rate(polward_decisions_total[1m]))")]),
    ("Time of a decision", "s", [(f"p{q}", f"histogram_quantile(0.{q}, sum by (le) (rate(polward_decision_duration_seconds_bucket[1m])))") for q in ("50", "99", "999")]),
    ("Refused identities per second, by reason", "ops", [("{{reason}}", "sum by (reason) (rate(polward_identity_failures_total[1m]))")]),
    ("Found in caches", "percentunit", [("{{cache}}", "sum by (cache) (rate(polward_cache_hits_total[5m])) / (sum by (cache) (rate(polward_cache_hits_total[5m])) + sum by (cache) (rate(polward_cache_misses_total[5m])))")]),
    ("Revisions served", "short", [("{{active_revision}}", "count by (active_revision) (last_success_bundle_activation)")]),
    ("Reloads refused", "short", [("{{instance}}", "polward_reload_failing")]),
    ("Connections", "short", [("{{instance}}", "polward_connections"), ("refused {{instance}}", "rate(polward_connections_refused_total[1m])")]),
    ("Decision log, events per second", "ops", [("{{result}}", "sum by (result) (rate(polward_log_events_total[1m]))")]),
    ("The shadow bundle decides", "ops", [("{{result}}", "sum by (result) (rate(polward_shadow_decisions_total[1m]))")]),
    ("Resident memory", "bytes", [("{{instance}}", 'process_resident_memory_bytes{job="polward"}')]),
]


def panel(i, title, unit, queries):
    return {
        "id": i + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (i % 2), "y": 8 * (i // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": chr(65 + k), "legendFormat": legend, "expr": expr} for k, (legend, expr) in enumerate(queries)],
    }


def main():
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    board = {"uid": "polward", "title": "Polward", "schemaVersion": 39, "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "templating": {"list": [source]}}
    board["panels"] = [panel(i, *row) for i, row in enumerate(PANELS)]
    json.dump(board, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
