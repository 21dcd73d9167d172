"""Beam search of CTC outputs through the lexicon tree, one output row at a time.

Prefix beam search (Hannun 2014, "First-pass large vocabulary continuous speech recognition using
bi-directional recurrent DNNs") over a tree of words with unigram look-ahead (Ortmanns 1996).
Masses are probabilities, scaled so that the best token's is one, and everything the language model
says is a factor by its byte: the search takes no logarithm. The words that only one stream knows are
chains of nodes, numbered on from the tree's.
"""

import numpy as np
from numba import njit

from streamer.models.readers.captions import hypotheses as h
from streamer.models.readers.captions.hot_words import is_hot
from streamer.models.readers.captions.language_model import ask, last_word
from streamer.models.readers.captions.pruning import beam_floor, survive

NO_CONTEXT = 0  # of the language model


@njit
def take_blank(row, hyp):
    """A row that is all but surely blank: every token waits for its next phone."""
    for i in range(hyp.counter[row, h.TOKENS]):
        hyp.mass[row, i, h.BLANK] += hyp.mass[row, i, h.LABEL]
        hyp.mass[row, i, h.LABEL] = 0.0


@njit
def search(row, now, p, logp, hyp, tree, grams, factors, pruning, scratch):
    """Take the output row number `now` with phone probabilities `p` [phones] into the tokens."""
    # Arrays are taken out of their tuples once: inside the loops that costs more than the search.
    place, mass, hot, own = hyp.place[row], hyp.mass[row], hyp.hot[row], hyp.own[row]
    new_place, new_mass, slot, used = scratch.place, scratch.mass, scratch.slot, scratch.used
    tree_phone, tree_child, tree_follow = tree.phone, tree.child, tree.follow
    lookahead, cost, value = tree.lookahead, factors.cost, scratch.value
    tokens, num_hot, num_own = hyp.counter[row, h.TOKENS], hyp.counter[row, h.HOT], hyp.counter[row, h.OWN]
    boost, width = np.float32(pruning.hot), np.float32(pruning.width)
    own_worth = np.float32(pruning.own * pruning.hot)
    roots, nodes, best = p.shape[0], tree_phone.shape[0], np.float32(0.0)
    likely_phones = np.int64(0)
    for k in range(1, roots):
        if p[k] >= pruning.phone:
            likely_phones |= np.int64(1) << k
    for i in range(tokens):  # a blank, or the same phone once more
        node = np.int64(place[i, h.NODE])
        phone = np.int64(tree_phone[node] if node < nodes else own[node - nodes, h.PHONE])
        at = _first_slot(node, np.int64(place[i, h.CONTEXT]), slot)
        while slot[at] > 0:
            at = (at + 1) & (slot.shape[0] - 1)
        slot[at], used[i] = i + 1, at
        for k in range(h.WORD):
            new_place[i, k] = place[i, k]
        new_place[i, h.WORD] = -1
        new_mass[i, h.BLANK] = (mass[i, h.BLANK] + mass[i, h.LABEL]) * p[0]
        new_mass[i, h.LABEL] = mass[i, h.LABEL] * p[phone] if phone else np.float32(0.0)
        new_mass[i, h.QUALITY] = mass[i, h.QUALITY]
        total = new_mass[i, h.BLANK] + new_mass[i, h.LABEL]
        new_mass[i, h.ENTERED], new_mass[i, h.STRONGEST] = 0.0, total
        ahead = _ahead(node, lookahead, cost, hot, num_hot, boost) if node < nodes else own_worth
        value[i] = total * ahead
        best = max(best, value[i])
    count = tokens
    for i in range(tokens):  # a phone that goes on in the tree
        node, context = np.int64(place[i, h.NODE]), place[i, h.CONTEXT]
        if node >= nodes:
            continue
        total, begins = mass[i, h.BLANK] + mass[i, h.LABEL], node < roots
        follow, first = tree_follow[node], np.int64(tree_child[node])
        waiting = follow & likely_phones
        while waiting:
            bit = waiting & -waiting
            waiting ^= bit
            child = first + _ones(follow & (bit - 1))
            phone = tree_phone[child]
            # A repeated phone needs a blank between.
            entered = (mass[i, h.BLANK] if phone == tree_phone[node] else total) * p[phone]
            worth = entered * _ahead(child, lookahead, cost, hot, num_hot, boost)
            if worth < best * width:
                continue
            j = _candidate(child, context, count, new_place, new_mass, value, slot, used)
            if j < 0:
                continue
            count = max(count, j + 1)
            _enter(i, j, begins, entered, worth, now, logp[phone], place, mass, new_place, new_mass, value)
            best = max(best, value[j])
    if num_own > 0:
        count, best = _own_phones(row, now, p, logp, likely_phones, count, best, hyp, tree, pruning, scratch)
    count = _end_words(row, count, best, hyp, tree, grams, factors, pruning, scratch)
    survive(row, count, hyp, pruning, scratch)


@njit(inline="always")
def _enter(i, j, begins, entered, worth, now, logp, place, mass, new_place, new_mass, value):
    """Token `i` goes on to candidate `j` with one more phone."""
    new_mass[j, h.LABEL] += entered
    new_mass[j, h.ENTERED] += entered
    value[j] += worth
    if entered > new_mass[j, h.STRONGEST]:
        new_mass[j, h.STRONGEST] = entered
        new_place[j, h.TRACE], new_place[j, h.LAST] = place[i, h.TRACE], now
        new_place[j, h.START] = now if begins else place[i, h.START]
        new_place[j, h.PHONES] = 1 if begins else place[i, h.PHONES] + 1
        before = np.float32(0.0) if begins else mass[i, h.QUALITY]
        new_mass[j, h.QUALITY] = logp + before


@njit
def _own_phones(row, now, p, logp, likely_phones, count, best, hyp, tree, pruning, scratch):
    """The phones that go on in the words that only this stream knows."""
    place, mass, own, num_own = hyp.place[row], hyp.mass[row], hyp.own[row], hyp.counter[row, h.OWN]
    roots, nodes, width = p.shape[0], tree.phone.shape[0], np.float32(pruning.width)
    own_worth = np.float32(pruning.own * pruning.hot)
    for i in range(hyp.counter[row, h.TOKENS]):
        node, context = np.int64(place[i, h.NODE]), np.int64(place[i, h.CONTEXT])
        begins = node < roots
        if begins:
            first, end, last = 0, num_own, node  # any word's first phone
        elif node >= nodes and own[node - nodes, h.ENDS] < 0:
            first = node - nodes + 1
            end, last = first + 1, np.int64(own[node - nodes, h.PHONE])
        else:
            continue
        total = mass[i, h.BLANK] + mass[i, h.LABEL]
        for k in range(first, end):
            phone = np.int64(own[k, h.PHONE])
            if (begins and k > 0 and own[k - 1, h.ENDS] < 0) or not (likely_phones >> phone) & 1:
                continue
            entered = (mass[i, h.BLANK] if phone == last else total) * p[phone]
            if entered * own_worth < best * width:
                continue
            j = _candidate(
                np.int64(nodes + k),
                context,
                count,
                scratch.place,
                scratch.mass,
                scratch.value,
                scratch.slot,
                scratch.used,
            )
            if j < 0:
                continue
            count = max(count, j + 1)
            _enter(
                i,
                j,
                begins,
                entered,
                entered * own_worth,
                now,
                logp[phone],
                place,
                mass,
                scratch.place,
                scratch.mass,
                scratch.value,
            )
            best = max(best, scratch.value[j])
    return count, best


@njit
def _end_words(row, count, best, hyp, tree, grams, factors, pruning, scratch):
    """Let every word that was just said to its end begin at the root again."""
    place, mass, value, slot, used = scratch.place, scratch.mass, scratch.value, scratch.slot, scratch.used
    hot, num_hot, beam = hyp.hot[row], hyp.counter[row, h.HOT], hyp.place.shape[1]
    own, nodes = hyp.own[row], tree.phone.shape[0]
    cost, backoff, least_cost = factors.cost, factors.backoff, grams.least_cost
    word_cost, word_backoff, pair_begin, pair_word = (
        grams.word_cost,
        grams.word_backoff,
        grams.pair_begin,
        grams.pair_word,
    )
    pair_cost, pair_backoff, triple_begin = grams.pair_cost, grams.pair_backoff, grams.triple_begin
    triple_word, triple_cost = grams.triple_word, grams.triple_cost
    tree_words, tree_word, first_word, tree_phone = tree.words, tree.word, tree.first_word, tree.phone
    insertion, boost = np.float32(pruning.insertion), np.float32(pruning.hot)
    root_cost, num_before = factors.cost[tree.lookahead[0]], count
    floor = best * np.float32(pruning.width)
    # A word far below the beam can't be saved by what the language model says of it.
    least = max(floor, beam_floor(count, best, beam, scratch) * pruning.word)
    for i in range(num_before):
        node = place[i, h.NODE]
        if mass[i, h.ENTERED] == 0.0 or value[i] < least:
            continue
        if node >= nodes:
            phone, word = np.int64(own[node - nodes, h.PHONE]), np.int64(own[node - nodes, h.ENDS])
            entered = mass[i, h.ENTERED] * insertion * np.float32(pruning.own * pruning.hot)
            if word >= 0 and entered * root_cost >= floor:
                word += word_cost.shape[0]
                count = _restart(
                    i, phone, NO_CONTEXT, word, entered, root_cost, count, place, mass, value, slot, used
                )
            continue
        if tree_words[node] == 0:
            continue
        first, context = np.int64(first_word[node]), np.int64(place[i, h.CONTEXT])
        for entry in range(first, first + np.int64(tree_words[node])):
            word = np.int64(tree_word[entry])
            if word >= tree.joined and last_word(context, grams) < tree.pieces:
                continue  # it goes on with a word that none has begun
            helped = insertion * boost if num_hot > 0 and is_hot(hot, num_hot, -1 - word) else insertion
            # Two words in five can't be saved by any context.
            if mass[i, h.ENTERED] * cost[least_cost[word]] * helped * root_cost < floor:
                continue
            factor, following = ask(
                context,
                word,
                word_cost,
                word_backoff,
                pair_begin,
                pair_word,
                pair_cost,
                pair_backoff,
                triple_begin,
                triple_word,
                triple_cost,
                cost,
                backoff,
            )
            entered = mass[i, h.ENTERED] * factor * helped
            if entered * root_cost < floor:
                continue
            phone = np.int64(tree_phone[node])
            count = _restart(
                i, phone, following, word, entered, root_cost, count, place, mass, value, slot, used
            )
    return count


@njit(inline="always")
def _restart(i, phone, context, word, entered, root_cost, count, place, mass, value, slot, used):
    """Candidate `i` has said `word` and begins at the root again; returns how many candidates there are."""
    j = _candidate(phone, context, count, place, mass, value, slot, used)
    if j >= 0:
        count = max(count, j + 1)
        mass[j, h.LABEL] += entered
        value[j] += entered * root_cost
        if entered > mass[j, h.STRONGEST]:
            mass[j, h.STRONGEST] = entered
            for k in range(h.TRACE, h.WORD):
                place[j, k] = place[i, k]
            place[j, h.WORD] = word
            mass[j, h.QUALITY] = mass[i, h.QUALITY]
    return count


@njit(inline="always")
def _ones(bits):
    """How many of the 63 bits are set."""
    bits = bits - ((bits >> 1) & 0x5555555555555555)
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (bits * 0x0101010101010101) >> 56


@njit(inline="always")
def _ahead(node, lookahead, cost, hot, num_hot, boost):
    """What the likeliest word below a node will cost, hot words helped on their way."""
    factor = cost[lookahead[node]]
    if num_hot > 0 and is_hot(hot, num_hot, node):
        factor *= boost
    return factor


@njit
def _candidate(node, context, count, place, mass, value, slot, used):
    """The candidate of (node, context); number `count` if it is new, -1 if there is no room."""
    at = _first_slot(node, np.int64(context), slot)
    while slot[at] > 0:
        j = slot[at] - 1
        if place[j, h.NODE] == node and place[j, h.CONTEXT] == context:
            return np.int64(j)
        at = (at + 1) & (slot.shape[0] - 1)
    if count == used.shape[0]:
        return np.int64(-1)
    slot[at], used[count] = count + 1, at
    place[count, h.NODE], place[count, h.CONTEXT] = node, context
    place[count, h.WORD], value[count] = -1, 0.0
    for k in range(mass.shape[1]):
        mass[count, k] = 0.0
    return np.int64(count)


@njit(inline="always")
def _first_slot(node, context, slot):
    mixed = node * 0x9E3779B1 + context * 0x85EBCA77
    return (mixed ^ (mixed >> 17)) & (slot.shape[0] - 1)
