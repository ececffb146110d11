"""Everything of Slipway that is not a screen: domain, workflow, engines, tracking, command line."""
