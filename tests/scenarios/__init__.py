"""The bundled scenarios and the rules of play, over HTTP."""
