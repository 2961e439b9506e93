import pytest

from softcore.scoring.metrics import lower_is_better
from sweeps.studies.thesis.claims import AGAINST, AS_CLAIMED, NOT_PRINTED, TIE, claims
from sweeps.studies.thesis.published import tables

# Where the thesis's own numbers do not lie on the side of its words. A slip in copying either would show here.
NOT_AS_CLAIMED = {
    "3.1-pages-over-uniform/rmsce/10h": TIE,
    "3.4-t1-clamp-over-t1-uniform/rmsce/10h": TIE,
    "3.4-t1-clamp-over-t1-uniform/ce/10s": AGAINST,
    "3.4-t1-clamp-over-t1-uniform/rmsce/10s": AGAINST,
    "3.4-t1-clamp-over-t2-uniform/ce/10s": AGAINST,
    "B.1-smoothing-not-over-clicks/rmsce/10s": AGAINST,
    "B.3-more-with-two/fgsm/10h": AGAINST,
    "B.3-more-with-two/fgsm/10s": AGAINST,
    "5.2-soft-helps-mixup/rmsce/10h": AGAINST,
    "C.1-logistic-alone/fgsm/10h": AGAINST,
}


def test_a_claim_has_one_id_and_one_number_a_side():
    assert len({claim.id for claim in claims()}) == len(claims())
    assert {len(claim.rows) for claim in claims() if claim.kind == "larger-gap"} == {4}
    assert {len(claim.rows) for claim in claims() if claim.kind != "larger-gap"} == {2}


def test_every_table_is_quoted_and_only_figures_lack_numbers():
    assert {table for claim in claims() for table in claim.tables} == set(tables())
    bare = {table for claim in claims() if claim.printed() is None for table in claim.tables}
    assert bare == {"figure 3.6", "figure B.3"}


def test_lower_is_better_on_every_metric_that_is_compared():
    assert all(lower_is_better(claim.check) for claim in claims())


def test_the_thesis_numbers_lie_on_the_side_of_its_words_but_for_those_known():
    printed = {c.id: c.printed_side() for c in claims() if c.kind != "same" and c.printed_side() != NOT_PRINTED}
    assert {name: side for name, side in printed.items() if side != AS_CLAIMED} == NOT_AS_CLAIMED


def test_the_thesis_difference_is_that_of_the_printed_numbers(claim):
    # Table 3.1, CE on 10H: clicks 1.325, hard labels 2.026.
    assert claim("3.1-clicks-over-hard/ce/10h").printed() == (1.325, 2.026)


def test_a_larger_gap_is_a_difference_of_differences(claim):
    # Table 3.3, CE on 10H. M=1: 1.58 - 2.17 = -0.59; M=2: 1.49 - 1.71 = -0.22; the lead grows by 0.37.
    gap = claim("3.3-gap-grows/ce/10h")
    assert gap.printed() == pytest.approx((-0.59, -0.22))
    assert gap.printed_side() == AS_CLAIMED
    assert gap.names == ("(T2 Clamp, M=1) − (clicks, M=1)", "(T2 Clamp, M=2) − (clicks, M=2)")


def test_two_tables_that_a_claim_compares_are_both_quoted(claim):
    assert claim("3.2-separate-over-pooled/ce/10h").tables == ("3.2", "3.1")


def test_a_claim_of_no_difference_is_never_called_as_claimed_where_the_numbers_differ(claim):
    # Table 5.2, Ent-WC: 1.027 with soft endpoints, 1.054 with hard ones.
    assert claim("5.2-soft-inconclusive/ce/10h").printed_side() == "0.027 apart"
