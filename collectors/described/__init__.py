"""Collectors that are described, not programmed: a TOML file says what to read, and what it means.

`description` is what a file says, `language` how it says it, `formats` read outputs into records, `values`
make numbers of their texts, `limits` say which of them are believed, `names` which metric is meant,
`places` get the output, `devices` put records together as devices, `collector` is the collector.
docs/describing-a-chip.md is the page for those who write one.
"""
