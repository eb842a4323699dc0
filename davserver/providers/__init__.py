"""Files, versions, locks and the catalog: one way to write a document, whoever writes."""
