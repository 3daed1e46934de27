"""Measure pages: each step of a batch, from the record to a row with all metrics.

What a step objects to is dropped but measured all the same; what breaks a step costs one page.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate import mixing
from curate.page import Page, alive, blank, draft_of, failed, id_of, origin, with_screened
from curate.steps import Draft, blocks
from curate.work import Settings, Tally
from filters import clean, language, line_rules, minhash, quality, segment, signals, site_lines
from filters.affinity import affinity_word_ratio
from filters.codemix import Mixture
from filters.columns import EDITS, LANGUAGE, LANGUAGES, MEASURED, SAMPLE_CHARACTERS, SIGNALS, SITE_LINES, label
from filters.contamination import Finder, Passage
from filters.edits import cut, tidied, with_cuts
from filters.guard import Guard

# A page passes the screen when a wanted language is among its alternatives with this score. On the test crawl 0.1 lost
# 0.95 % of the Hindi pages, 0.03 lost 0.54 % and let 2 % more pages through to the extractor.
SCREEN_SCORE = 0.03


class Measurer:
    """Pages in, rows of the documents table out. `guard` runs the extractor; its CPU time is the caller's to count."""

    def __init__(self, settings: Settings, tally: Tally, guard: Guard) -> None:
        self._settings, self._tally, self._guard = settings, tally, guard
        self._recipe, self._blocklist = settings.recipe, settings.blocklist
        self._wanted = frozenset(settings.recipe.languages)
        self._finder = Finder(settings.benchmarks.ngrams) if settings.benchmarks else None

    def rows(self, pages: list[Page], failures: list[dict[str, Any]]) -> pa.Table:
        """One row a page. A page that breaks a step is one failure, not the end of the task."""
        lost: list[dict[str, Any]] = []  # not `failures` at once: a batch that breaks is tried again in halves
        try:
            self._forget(pages)
            self._block(pages)
            rows = self._measured(self._extract(self._screen(pages, lost), lost), lost)
        except (pa.ArrowException, ValueError, ArithmeticError, LookupError, TypeError, RecursionError) as error:
            if len(pages) > 1:
                middle = len(pages) // 2
                return pa.concat_tables([self.rows(half, failures) for half in (pages[:middle], pages[middle:])])
            page, message = pages[0], f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " ")
            failures.append(failed(page, "measure_error", message))
            return MEASURED.empty_table()
        failures += lost
        return rows

    def _forget(self, pages: list[Page]) -> None:
        """Blank the records that are never to be read."""
        for page in pages:
            record = page.record
            if self._settings.forgotten.holds(id_of(page), record.url):
                blank(page)

    def _block(self, pages: list[Page]) -> None:
        with self._tally.cpu("url"):
            blocked = self._blocklist.blocked(clean.strings(page.record.url for page in pages))
        for page, by in zip(pages, blocked.to_pylist(), strict=True):
            if by is not None and page.reason is None:
                page.reason = "url_blocked"

    def _screen(self, pages: list[Page], failures: list[dict[str, Any]]) -> list[Page]:
        """Turn away pages whose cheap text is in none of the wanted languages, before the slow extractor runs."""
        crawled = [page for page in pages if page.reason is None and isinstance(page.record.payload, bytes)]
        if not (self._recipe.screened and crawled):
            return pages
        texts, lost = [], []
        for page in crawled:
            payload = page.record.payload
            assert isinstance(payload, bytes)
            with self._tally.cpu("extract"):
                outcome = self._guard.call("screen", payload, content_type=page.record.content_type)
            if outcome.reason:
                failures.append(failed(page, outcome.reason, outcome.error or ""))
                lost.append(id(page))
            texts.append(outcome.text)
        with self._tally.cpu("language"):
            scripts = {name.partition("_")[2] for name in self._wanted}
            found = language.identify(clean.strings(texts), model=self._recipe.language.model, scripts=scripts)
        for page, text, identity in zip(crawled, texts, found.to_pylist(), strict=True):
            if text and not _may_be(identity, self._wanted):
                page.reason, page.text, page.screened_as = "screened", text[:SAMPLE_CHARACTERS], identity
        return [page for page in pages if id(page) not in set(lost)]

    def _extract(self, pages: list[Page], failures: list[dict[str, Any]]) -> list[Page]:
        going_on = []
        for page in pages:
            payload = page.record.payload
            if page.reason is None and isinstance(payload, bytes):
                with self._tally.cpu("extract"):
                    outcome = self._guard.call(
                        "extract",
                        payload,
                        content_type=page.record.content_type,
                        url=page.record.url,
                        extractor=self._recipe.extract.extractor,
                    )
                if outcome.reason:
                    error = outcome.error or ""
                    failures.append(failed(page, outcome.reason, error))
                    continue
                page.text = outcome.text
            elif page.reason is None:
                page.text = str(payload)
            going_on.append(page)
        return going_on

    def _measured(self, pages: list[Page], failures: list[dict[str, Any]]) -> pa.Table:
        tally, recipe = self._tally, self._recipe
        texts, lines_removed = self._without_lines(pages, self._repaired(pages))
        pages, texts, found, mixed = self._mixed(*self._stepped(pages, texts, failures))
        measured = alive(pages, texts)
        found = with_screened(found, pages)
        with tally.cpu("segment"):
            segments = segment.segment(measured)
        passages = self._decontaminated(pages, measured, segments)
        with tally.cpu("pii"):
            edits = clean.pii(measured) if recipe.clean.pii else pa.nulls(len(pages), EDITS)
            edits = with_cuts(edits, [page.cuts for page in pages])
        reasons = [[why] if (why := page.reason or page.objection) else [] for page in pages]
        columns = {
            "text": texts,
            "quality": self._quality(measured, found, segments),
            "drop_reasons": pa.array(reasons, pa.list_(pa.string())),
            "edits": edits,
            "site_lines": self._site_lines(segments),
            "key": pa.nulls(len(pages), pa.int64()),  # set when the rows are in their final order
            **{field.name: pc.struct_field(found, field.name) for field in LANGUAGE},
            "languages": pa.nulls(len(pages), LANGUAGES) if mixed is None else mixing.languages(mixed),
            **self._metrics(measured, found, segments, pages, mixed),
            **origin(pages),
        }
        rows = pa.table([columns[field.name].cast(field.type) for field in MEASURED], schema=MEASURED)
        tally.rows += len(rows)  # counted when nothing can fail any more: a batch that breaks is tried again in halves
        tally.parts += sum(page.part > 0 for page in pages)
        tally.lines_removed.update(lines_removed)
        tally.text_bytes += measured.nbytes
        tally.dropped.update(reason for page_reasons in reasons for reason in page_reasons)
        for passage in passages:
            tally.contaminated += 1
            tally.benchmark_documents.update(passage.records.keys())
            tally.benchmark_ngrams.update(passage.records)
        return rows

    def _decontaminated(self, pages: list[Page], texts: pa.StringArray, segments: segment.Segments) -> list[Passage]:
        """What the pages hold of the benchmarks; those pages are dropped, or given cuts where something else is left."""
        if self._finder is None:
            return []
        with self._tally.cpu("benchmarks"):
            passages = self._finder.find(segments)
        for page, passage, text in zip(pages, passages, texts, strict=True):
            page.cuts = ()
            if passage and self._recipe.decontaminate.action == "cut":
                page.cuts = tidied(text.as_py(), passage.spans)
            if passage and not (page.cuts and any(map(str.isalnum, cut(text.as_py(), page.cuts)))):
                page.objection = page.objection or "contaminated"
        return [passage for passage in passages if passage]

    def _repaired(self, pages: list[Page]) -> pa.StringArray:
        """The pages' text as it is measured; a page without any is dropped as empty."""
        with self._tally.cpu("clean"):
            texts = clean.repair(clean.strings(page.text for page in pages))
        for page, characters in zip(pages, pc.utf8_length(texts).to_pylist(), strict=True):
            if page.reason is None and not characters:
                page.reason = "empty"
        return texts

    def _without_lines(self, pages: list[Page], texts: pa.StringArray) -> tuple[pa.StringArray, Mapping[str, int]]:
        """The texts after the line rules, and the lines that each removed; a page that one of them objects to keeps its
        text and says so."""
        for page in pages:
            page.objection = None  # a batch that is tried again starts anew
        rules = self._recipe.clean.line_rules
        if not rules:
            return texts, {}
        with self._tally.cpu("clean"):
            cleaned = line_rules.apply(alive(pages, texts), rules)
        for page, reason in zip(pages, cleaned.reasons.to_pylist(), strict=True):
            page.objection = reason
        return pc.coalesce(cleaned.text, texts), cleaned.removed

    def _stepped(
        self, pages: list[Page], texts: pa.StringArray, failures: list[dict[str, Any]]
    ) -> tuple[list[Page], pa.StringArray, pa.StructArray]:
        """What the steps make of the pages: those that no step failed on, their texts, and the languages of these."""
        if not self._recipe.steps:
            return pages, texts, self._identified(alive(pages, texts))
        drafts = [draft_of(page, text) for page, text in zip(pages, texts.to_pylist(), strict=True)]
        for block in blocks(self._recipe.steps):
            going = [draft for draft in drafts if draft.goes_on]
            if block.is_filter:
                self._identify(going)
            with self._tally.cpu("steps"):
                block.run(going)
        self._identify(drafts)
        for page, draft in zip(pages, drafts, strict=True):
            page.objection = draft.reason
            if draft.error:
                failures.append(failed(page, "step_error", draft.error))
        left = [row for row, draft in enumerate(drafts) if not draft.error]
        after = clean.strings(None if page.reason else drafts[row].text for row, page in enumerate(pages))
        found = pa.array([drafts[row].identity for row in left], LANGUAGE)
        return [pages[row] for row in left], pc.coalesce(after, texts).take(pa.array(left, pa.int64())), found

    def _identify(self, drafts: list[Draft]) -> None:
        """Find the language where it is not known of the text as it is now."""
        unknown = [draft for draft in drafts if draft.identity is None]
        found = self._identified(clean.strings(draft.text for draft in unknown))
        for draft, identity in zip(unknown, found.to_pylist(), strict=True):
            draft.identity = identity

    def _identified(self, texts: pa.StringArray) -> pa.StructArray:
        with self._tally.cpu("language"):
            return language.identify(texts, model=self._recipe.language.model, cuts=self._settings.cuts)

    def _mixed(
        self, pages: list[Page], texts: pa.StringArray, found: pa.StructArray
    ) -> tuple[list[Page], pa.StringArray, pa.StructArray, list[Mixture] | None]:
        """The same with what each text is made of, split by language where the recipe says so; None: it does not ask."""
        how, model = self._recipe.language.mixed, self._recipe.language.model
        if how is None:
            return pages, texts, found, None
        with self._tally.cpu("mixed"):
            batch = mixing.measured(pages, texts, found, model=model)
        if how == "keep":
            return batch
        with self._tally.cpu("mixed"):
            return mixing.split(batch, model=model, identify=self._identify_parts, forgotten=self._settings.forgotten)

    def _identify_parts(self, texts: pa.StringArray) -> pa.StructArray:
        return language.identify(texts, model=self._recipe.language.model, cuts=self._settings.cuts)

    def _site_lines(self, segments: segment.Segments) -> pa.Array:
        if not self._recipe.boilerplate.lines:
            return pa.nulls(len(segments.valid), SITE_LINES)
        with self._tally.cpu("boilerplate"):
            return site_lines.site_lines(segments, words=self._recipe.boilerplate.words)

    def _quality(self, text: pa.StringArray, found: pa.StructArray, segments: segment.Segments) -> pa.DoubleArray:
        if self._recipe.quality.model is None:
            return pa.nulls(len(text), pa.float64())
        with self._tally.cpu("quality"):
            return quality.scores(text, _labels(found), model=self._recipe.quality.model, segments=segments)

    def _metrics(
        self,
        text: pa.StringArray,
        found: pa.StructArray,
        segments: segment.Segments,
        pages: list[Page],
        mixed: list[Mixture] | None,
    ) -> dict[str, pa.Array]:
        """Signals and hashes, from one segmentation."""
        tally, dedup, lists = self._tally, self._recipe.dedup, self._settings
        labels = _labels(found)
        with tally.cpu("signals"):
            words = {"stopwords": lists.stopwords, "flagged_words": lists.flagged_words}
            others = {"code_mixing_index": mixing.index(mixed)} if mixed is not None else {}
            if lists.affinity_words:
                urls = clean.strings(page.record.url for page in pages)
                others["affinity_word_ratio"] = affinity_word_ratio(segments, labels, urls, lists.affinity_words)
            metrics = signals.measure(text, labels, **words, segments=segments, others=others)
        with tally.cpu("minhash"):
            size = {"permutations": dedup.permutations, "ngram": dedup.ngram, "seed": dedup.seed}
            hashes = minhash.pack(minhash.signatures(text, labels, **size, segments=segments))
            exact = minhash.exact_hash(text)
        return {"signals": metrics.cast(SIGNALS), "minhash": hashes, "exact_hash": exact}


def _labels(found: pa.StructArray) -> pa.StringArray:
    """`hin_Deva` of each row."""
    parts = [pc.struct_field(found, name) for name in ("language", "language_script")]
    return pc.binary_join_element_wise(*parts, "_")


def _may_be(identity: dict[str, Any], wanted: frozenset[str]) -> bool:
    if label(identity["language"], identity["language_script"]) in wanted:
        return True
    scores: dict[str, float] = json.loads(identity["top_langs"] or "{}")
    return any(scores.get(f"{name}_score", 0.0) >= SCREEN_SCORE for name in wanted)
