package main

// The CRDs that tests load come from these modules; nothing of their code is used.
import (
	_ "istio.io/api/label"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
