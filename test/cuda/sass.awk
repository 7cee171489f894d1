# What a disassembly says of each kernel: cuobjdump -sass FILE | awk -f sass.awk, mangled names. Fields between tabs:
#   kernel NAME INSTRUCTIONS LOCAL SLOW       LOCAL: of them, how many go to local memory; SLOW: what is slow in its loops, or -
#   loop NAME NUMBER PARENT fp32 tensor special double shared global store barrier integer other
# The counts are of one pass through the loop, without those inside of it. Number 0 is the kernel itself, outside of loops.
#
# A loop is found as compilers do: a branch back to an instruction without which there is no way from the start to the branch;
# its body is what leads to the branch from there. Blocks behind the kernel's end that jump back are thus no loops.
#
# A pass takes the shortest way that meets, in their order, the loops inside, the products on tensor cores and what moves 16
# bytes at a time; without such, the last store. So activations, and ways for rows that are not aligned, do not count: a
# loop that copies 4 bytes at a time to shared memory is one of the latter.
BEGIN { FS = ";"; kinds = split("fp32 tensor special double shared global store barrier integer other", kind, " ") }
/Function :/ { finish(); name = $0; sub(/.*Function : /, "", name); next }
/^[ \t]*\/\*[0-9a-f]+\*\// {
    at = text = $1
    sub(/^[ \t]*\/\*/, "", at); sub(/\*\/.*/, "", at)
    sub(/^[ \t]*\/\*[0-9a-f]+\*\/[ \t]*/, "", text)
    op[count] = text
    place[at] = count++
}
END { finish() }

# What follows instruction i, and what comes before it.
function follow(i,    t, guarded, to, n) {
    t = op[i]; guarded = sub(/^@!?U?P[0-9T]+ +/, "", t)
    word[i] = t; sub(/[ \t].*/, "", word[i])
    n = 0
    if (word[i] ~ /^(BRA|JMP)/) {
        guarded = guarded || word[i] ~ /DIV|CONV/ || t ~ /[PR][0-9]+,/
        if (match(t, /0x[0-9a-f]+/)) {
            to = substr(t, RSTART + 2, RLENGTH - 2)
            while (length(to) < 4) to = "0" to
            if (to in place && place[to] != i) after[i, ++n] = target[i] = place[to]
        }
        if (guarded && i + 1 < count) after[i, ++n] = i + 1
    } else if ((word[i] !~ /^(EXIT|RET)/ || guarded) && i + 1 < count)
        after[i, ++n] = i + 1
    afters[i] = n
    for (; n > 0; n--) before[after[i, n], ++befores[after[i, n]]] = i
}

# Whether there is a way from the start to `to` that leaves out `without`.
function reached(to, without,    seen, stack, depth, i, k, j) {
    if (without == 0) return 0
    stack[depth = 1] = 0; seen[0]
    while (depth > 0) {
        i = stack[depth--]
        if (i == to) return 1
        for (k = 1; k <= afters[i]; k++) {
            j = after[i, k]
            if (j != without && !(j in seen)) { seen[j]; stack[++depth] = j }
        }
    }
    return 0
}

# To the body of loop l: what leads from its head to `from`, which branches back.
function take(l, from,    stack, depth, i, k, j) {
    member[l, head[l]]
    if (!((l, from) in member)) { member[l, from]; stack[++depth] = from }
    while (depth > 0) {
        i = stack[depth--]
        for (k = 1; k <= befores[i]; k++) {
            j = before[i, k]
            if (!((l, j) in member)) { member[l, j]; stack[++depth] = j }
        }
    }
    if (from > latch[l]) latch[l] = from
}

function find_loops(    i, l, m) {
    for (i = 0; i < count; i++)
        if (i in target && target[i] < i && !reached(i, target[i])) {
            for (l = 1; l <= loops && head[l] != target[i]; l++);
            if (l > loops) { loops = l; head[l] = target[i] }
            take(l, i)
        }
    for (l = 1; l <= loops; l++)
        for (i = 0; i < count; i++) size[l] += (l, i) in member
    size[0] = count; head[0] = 0; latch[0] = count - 1
    for (i = 0; i < count; i++) { member[0, i]; own[i] = 0 }
    for (l = 1; l <= loops; l++)
        for (i = 0; i < count; i++)
            if ((l, i) in member && size[l] < size[own[i]]) own[i] = l
    for (l = 1; l <= loops; l++) { # the smallest other loop that holds its head
        parent[l] = 0
        for (m = 1; m <= loops; m++)
            if (m != l && (m, head[l]) in member && size[m] > size[l] && size[m] < size[parent[l]]) parent[l] = m
    }
}

function wide(i) { return word[i] ~ /^(LDG|STG|LDGSTS).*\.128/ || word[i] ~ /^[HI]MMA/ }

function narrow(l,    i, found) { # whether it copies 4 bytes at a time, and nothing else
    for (i = head[l]; i <= latch[l]; i++)
        if (own[i] == l && wide(i)) return 0
        else if (own[i] == l && word[i] ~ /^LDGSTS/) found = 1
    return found
}

# The shortest way from `from` to `to` inside of loop l, or 0; its own instructions behind `from` are counted. Only what the
# loop has itself is work.
function walk(l, from, to,    cost, queue, low, high, via, i, k, j, c, next_low) {
    if (from == to) return 1
    split("", cost); cost[from] = 0; low = high = 0; queue[0] = from
    while (low <= high) { # a queue with two ends: steps that cost nothing go first
        i = queue[low++]
        for (k = 1; k <= afters[i]; k++) {
            j = after[i, k]
            if (!((l, j) in member) || (j == head[l] && j != to)) continue
            c = cost[i] + (own[j] == l)
            if (!(j in cost) || c < cost[j]) {
                cost[j] = c; via[j] = i
                if (own[j] == l) queue[++high] = j; else queue[--low] = j
            }
        }
    }
    if (!(to in cost)) return 0
    for (i = to; i != from; i = via[i])
        if (own[i] == l) sums[l, kind_of(word[i])]++
    return 1
}

function pass(l,    i, m, now, last, met) {
    now = head[l]
    if (own[now] == l) sums[l, kind_of(word[now])]++
    for (i = head[l]; i <= latch[l]; i++) {
        if (!((l, i) in member)) continue
        if (own[i] == l && word[i] ~ /^(ST|ATOM|RED)/) last = i
        met = own[i] == l && wide(i)
        for (m = 1; !met && m <= loops; m++) met = parent[m] == l && head[m] == i && !narrow(m)
        if (met && walk(l, now, i)) { now = i; if (wide(i)) last = "" }
    }
    if (last != "" && last > now && walk(l, now, last)) now = last
    if (l > 0) { walk(l, now, latch[l]); return }
    for (i = now; i < count; i++)
        if (word[i] ~ /^EXIT/ && walk(0, now, i)) return
}

function kind_of(w) {
    if (w ~ /^(HMMA|IMMA)/) return "tensor"
    if (w ~ /^(FFMA|FADD|FMUL|IDP)/) return "fp32"
    if (w ~ /^(MUFU|F2|I2)/) return "special"
    if (w ~ /^D(ADD|MUL|FMA|SETP)/) return "double"
    if (w ~ /^(LDS|SHFL)/) return "shared"
    if (w ~ /^LD(G|GSTS)?(\.|$)/) return "global"
    if (w ~ /^ST/) return "store"
    if (w ~ /^BAR/) return "barrier"
    if (w ~ /^IMAD/) return "other" # beside the integers' own units
    if (w ~ /^U?(I|LEA|LOP|SHF|MOV|SEL|POPC|FLO|PRMT|P2R|R2P|PLOP|VIADD|S2|CS2)/ || w ~ /^(HFMA2.MMA|R2UR|BMSK|SGXT)/) return "integer"
    return "other"
}

# A call is a division or root that minds special cases, or an integer division of 64 bits; not one of double, which
# has no other way, and of whose reciprocal or root the call is a rare correction. An integer division of 32 bits begins
# with a reciprocal that is rounded up.
function slow_of(i,    k) {
    if (word[i] ~ /^I2F.*\.RP$/) return "division"
    if (word[i] !~ /^CALL/) return ""
    for (k = i - 1; k >= 0 && k > i - 40 && word[k] !~ /^(MUFU|CALL)/; k--);
    return k >= 0 && word[k] ~ /^MUFU.*64H/ ? "" : "call"
}

function finish(    i, k, l, s, local, slow) {
    if (count == 0) return
    while (count > 1 && op[count - 1] ~ /^(NOP|BRA)/) delete op[--count]
    for (i = 0; i < count; i++) follow(i)
    find_loops()
    local = 0; slow = ""
    for (i = 0; i < count; i++) {
        local += word[i] ~ /^(LDL|STL)/
        s = slow_of(i)
        if (s != "" && own[i] && !index(slow, s)) slow = slow (slow == "" ? "" : ",") s
    }
    printf "kernel\t%s\t%d\t%d\t%s\n", name, count, local, slow == "" ? "-" : slow
    for (l = 0; l <= loops; l++) {
        if (l > 0 && narrow(l)) continue
        pass(l)
        printf "loop\t%s\t%d\t%d", name, l, parent[l]
        for (k = 1; k <= kinds; k++) printf "\t%d", sums[l, kind[k]]
        print ""
    }
    split("", op); split("", place); split("", after); split("", afters); split("", before); split("", befores)
    split("", target); split("", member); split("", word); split("", own); split("", size); split("", parent)
    split("", latch); split("", head); split("", sums)
    count = loops = 0
}
