"""The compiled Argo workflow as engines read it: fields, expressions, plan."""
