"""The languages Meta takes (fact sheet 4.11), and which of them serves a person best."""

from collections.abc import Iterable

_CODES = """
    af sq ar ar_EG ar_AE ar_LB ar_MA ar_QA az be_BY bn bn_IN bg ca zh_CN zh_HK zh_TW hr cs da prs_AF nl
    nl_BE en en_GB en_US en_AE en_AU en_CA en_GH en_IE en_IN en_JM en_MY en_NZ en_QA en_SG en_UG en_ZA
    et fil fi fr fr_BE fr_CA fr_CH fr_CI fr_MA ka de de_AT de_CH el gu ha he hi hu id ga it ja kn kk
    rw_RW ko ky_KG lo lv lt mk ms ml mr nb ps_AF fa pl pt_BR pt_PT pa ro ru sr si_LK sk sl es es_AR
    es_CL es_CO es_CR es_DO es_EC es_HN es_MX es_PA es_PE es_ES es_UY sw sv ta te th tr uk ur uz vi zu
"""

LANGUAGES = frozenset(_CODES.split())

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ps", "ur", "prs"})


def canonical(code: str) -> str:
    """Meta's spelling of a code: `en-us` is `en_US`. What is no code at all comes back as it was."""
    base, _, region = code.strip().replace("-", "_").partition("_")
    return f"{base.lower()}_{region.upper()}" if region else base.lower()


def nearest(wanted: str, available: Iterable[str], fallback: str | None = None) -> str | None:
    """Which of a family's languages serves a person who reads `wanted`.

    The very one; else the language without a region; else another region of it (the first by name); else
    `fallback` when the family has it; else None.
    """
    have = sorted(set(available))
    code = canonical(wanted)
    base = code.partition("_")[0]
    same = [c for c in have if c.partition("_")[0] == base]
    for candidate in (code, base, *same, fallback):
        if candidate is not None and candidate in have:
            return candidate
    return None
