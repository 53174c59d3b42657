"""Validates the Compose file and the Kubernetes manifests against their schemas: run by `make check-deploy`.

KEDA's objects and kustomization.yaml have no schema there; the tests beside this file look into the former.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import compose_spec  # type: ignore[import-not-found]
import kubernetes_validate  # type: ignore[import-not-found]
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def interpolated(text: str) -> str:
    """Compose's text with a value for each variable, as Compose reads it."""
    return re.sub(r"\$\{\w+(?::[-?]([^}]*))?\}", lambda match: match[1] or "x", text)


def main() -> int:
    text = (DEPLOY / "container" / "compose.yaml").read_text()
    merged = yaml.safe_dump(yaml.safe_load(interpolated(text)))
    print(f"compose.yaml: {len(compose_spec.PyCompose.from_yaml(merged))} services")
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["apiVersion"].partition("/")[0] in ("keda.sh", "kustomize.config.k8s.io"):
                continue
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
            print(f"{path.name}: {document['kind']} {document['metadata']['name']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
