"""The plain domain: volume, dataset, launch, preflight. No vendor SDK and no network."""
