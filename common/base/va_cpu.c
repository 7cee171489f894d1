#include "base/va_cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool amx; /* works, once probe_amx has looked */

const char *const va_isa_names[] = { "plain", "avx2", "avx512", NULL };

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>

static enum va_isa detect(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return VA_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return VA_ISA_AVX2;
    return VA_ISA_PLAIN;
}

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

static bool amx_announced(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1); /* AMX-TILE */
}

static bool has_dots(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1); /* AVX512_BF16 */
}

static bool is_amd(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx;
}

static bool has_vnni(enum va_isa isa)
{
    unsigned a, b, c, d;

    if (isa == VA_ISA_AVX512)
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1); /* AVX512_VNNI */
    return isa == VA_ISA_AVX2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

/* One tile product, in machine code so that any assembler will do: ldtilecfg, tilezero x3,
 * tdpbf16ps, tilerelease. Never returns. */
static void amx_probe_child(void)
{
    struct {
        unsigned char palette, start, reserved[14];
        unsigned short colsb[16];
        unsigned char rows[16];
    } __attribute__((aligned(64))) config = { .palette = 1 };

    for (int i = 0; i < 3; i++) {
        config.rows[i] = 4;
        config.colsb[i] = 16;
    }
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA))
        _exit(1);
    __asm__ volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0x00\n\t" /* ldtilecfg (%rax) */
                     ".byte 0xc4, 0xe2, 0x7b, 0x49, 0xc0\n\t" /* tilezero %tmm0 */
                     ".byte 0xc4, 0xe2, 0x7b, 0x49, 0xc8\n\t" /* tilezero %tmm1 */
                     ".byte 0xc4, 0xe2, 0x7b, 0x49, 0xd0\n\t" /* tilezero %tmm2 */
                     ".byte 0xc4, 0xe2, 0x6a, 0x5c, 0xc1\n\t" /* tdpbf16ps %tmm2,%tmm1,%tmm0 */
                     ".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0\n\t" /* tilerelease */
                     :
                     : "a"(&config), "m"(config));
    _exit(0);
}

static void probe_amx(void)
{
    int status;
    pid_t pid;

    if (detect() != VA_ISA_AVX512 || !amx_announced())
        return;
    pid = fork();
    if (pid == 0)
        amx_probe_child();
    amx = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
          WEXITSTATUS(status) == 0 &&
          syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
static enum va_isa detect(void)
{
    return VA_ISA_PLAIN;
}

static bool amx_announced(void)
{
    return false;
}

static bool has_dots(void)
{
    return false;
}

static bool is_amd(void)
{
    return false;
}

static bool has_vnni(enum va_isa isa)
{
    (void)isa;
    return false;
}

static void probe_amx(void)
{
}
#endif

static _Atomic int known = -1;

void va_cpu_limit(enum va_isa most)
{
    if (va_cpu_isa() > most)
        known = (int)most;
    va_cpu_ask_again(); /* AMX and parts follow the level */
}

const char *const va_conv_names[] = { "auto", "direct", "spectral", NULL };

/* What a variable of the environment wishes, by its number; -1: nothing, as a script leaves it that
 * has no wish; -2: none of these. */
static int wish(const char *variable, const char *const *names)
{
    const char *text = getenv(variable);

    for (int i = 0; text && names[i]; i++)
        if (!strcmp(text, names[i]))
            return i;
    return text && *text ? -2 : -1;
}

enum va_isa va_cpu_isa(void)
{
    int level = known;

    if (level < 0) {
        int wanted = wish("VA_ISA", va_isa_names);

        level = (int)detect();
        if (wanted >= 0 && wanted < level)
            level = wanted;
        known = level;
    }
    return (enum va_isa)level;
}

enum va_conv_method va_cpu_conv_method(void)
{
    int wanted = wish("VA_CONV", va_conv_names);

    return wanted < 0 ? VA_CONV_AUTO : (enum va_conv_method)wanted;
}

const char *const va_vnni_names[] = { "no", "yes", NULL };
const char *const va_amx_names[] = { "no", "yes", NULL };
const char *const va_bf16_names[] = { "no", "yes", NULL };
const char *const va_parts_names[] = { "no", "yes", NULL };

/* What is remembered of the answers, as products ask each time: 1, -1; 0: not asked yet. */
static struct {
    _Atomic signed char vnni[VA_ISA_AVX512 + 1], amx, dots, parts;
} known_answers;

static bool remember(_Atomic signed char *answer, bool yes)
{
    *answer = yes ? 1 : -1;
    return yes;
}

bool va_cpu_vnni(enum va_isa isa)
{
    _Atomic signed char *answer = &known_answers.vnni[isa];

    return *answer ? *answer > 0
                   : remember(answer, isa <= detect() && has_vnni(isa) &&
                                          wish("VA_VNNI", va_vnni_names) != 0);
}

/* By the first thread that asks: it starts a process. */
static bool amx_works(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, probe_amx);
    return amx;
}

bool va_cpu_amx(void)
{
    _Atomic signed char *answer = &known_answers.amx;

    return *answer ? *answer > 0
                   : remember(answer, va_cpu_isa() == VA_ISA_AVX512 && amx_works() &&
                                          wish("VA_AMX", va_amx_names) != 0);
}

bool va_cpu_bf16_dots(void)
{
    _Atomic signed char *answer = &known_answers.dots;
    int wanted;

    if (*answer)
        return *answer > 0;
    wanted = wish("VA_BF16", va_bf16_names);
    return remember(answer, va_cpu_isa() == VA_ISA_AVX512 && has_dots() &&
                                (wanted == 1 || (wanted && is_amd())));
}

bool va_cpu_in_parts(void)
{
    _Atomic signed char *answer = &known_answers.parts;
    int wanted;

    if (*answer)
        return *answer > 0;
    wanted = wish("VA_PARTS", va_parts_names);
    return remember(answer, wanted < 0 ? va_cpu_amx() : wanted == 1);
}

void va_cpu_ask_again(void)
{
    for (int i = 0; i <= VA_ISA_AVX512; i++)
        known_answers.vnni[i] = 0;
    known_answers.amx = known_answers.dots = known_answers.parts = 0;
}

const char *const va_wished_precision_names[] = { "f32", "bf16", NULL };

const char *va_cpu_wished_precision(void)
{
    int wanted = wish("VA_PRECISION", va_wished_precision_names);

    return wanted < 0 ? NULL : va_wished_precision_names[wanted];
}

const char *va_cpu_bad_wish(const char **expected)
{
    *expected = "plain, avx2 or avx512";
    if (wish("VA_ISA", va_isa_names) == -2)
        return "VA_ISA";
    *expected = "auto, direct or spectral";
    if (wish("VA_CONV", va_conv_names) == -2)
        return "VA_CONV";
    *expected = "f32 or bf16";
    if (wish("VA_PRECISION", va_wished_precision_names) == -2)
        return "VA_PRECISION";
    *expected = "no or yes";
    if (wish("VA_AMX", va_amx_names) == -2)
        return "VA_AMX";
    if (wish("VA_BF16", va_bf16_names) == -2)
        return "VA_BF16";
    if (wish("VA_PARTS", va_parts_names) == -2)
        return "VA_PARTS";
    return wish("VA_VNNI", va_vnni_names) == -2 ? "VA_VNNI" : NULL;
}

const char *va_cpu_describe(void)
{
    static char line[160];

    snprintf(line, sizeof(line), "%s%s%s%s%s%s", va_isa_names[va_cpu_isa()],
             va_cpu_amx() ? ", AMX" : "", va_cpu_vnni(va_cpu_isa()) ? ", VNNI" : "",
             va_cpu_bf16_dots() ? ", AVX512_BF16" : "",
             va_cpu_in_parts() ? ", float32 in parts of bfloat16" : "",
             amx_announced() && !amx_works() ? " (AMX is announced but traps)" : "");
    return line;
}
