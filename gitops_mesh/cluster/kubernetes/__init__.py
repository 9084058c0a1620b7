"""The Kubernetes mesh: Istio and Gateway API objects behind a Kubernetes API server."""
