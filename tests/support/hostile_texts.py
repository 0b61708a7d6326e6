"""Texts that break tokenizers, HTML and terminals, by what is hostile in them."""

from __future__ import annotations

HOSTILE = {
    "emoji": "A great film \U0001f600\U0001f44d\U0001f3fd and \U0001f468‍\U0001f469‍\U0001f467",
    "right to left": "הסרט היה טוב مرحبا",
    "CJK": "这部电影很好看 映画は良かった 영화",
    "combining": "café résumé Z̴a͠l̵g̷o",
    "zero width": "the​plot‍is﻿thin",
    "control": "the\x00plot\x07is\x1b[31mthin\x85",
    "line ends": "the plot\nis\r\nthin\tand dull",
    "lone surrogates": "the \ud83d plot \udc00",
    "HTML": "<script>alert('x')</script> <b>bold</b> &amp; <img src=x onerror=alert(1)>",
    "Markdown": "**bold** [link](javascript:alert(1)) $x^2$ `code` # head",
    "unknown": "qqqq zzzz",
    "one long word": "a" * 3000,
}
