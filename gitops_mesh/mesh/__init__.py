"""What manifests mean together: hosts, subsets, gateways, route identity, splits. Pure: no I/O."""
