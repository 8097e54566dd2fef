/* Clocks, and how latencies are spread: counted in buckets of 0.5 %, so that hours of them take no more room. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FINE 128 /* buckets for each doubling */
#define BUCKETS (FINE * 28)

struct spread { uint32_t count[BUCKETS]; double most; };

static double clock_ms(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
static double now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

static void note(struct spread *s, double ms)
{
    int bucket = ms > 0.001 ? (int)(log2(ms * 1000) * FINE) : 0;
    s->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (ms > s->most) s->most = ms;
}

static void print_spread(const char *name, struct spread *s)
{
    printf("\"%s\":{\"max\":%.4f,\"buckets\":[", name, s->most);
    const char *between = "";
    for (int i = 0; i < BUCKETS; i++)
        if (s->count[i]) printf("%s[%d,%u]", between, i, s->count[i]), between = ",";
    printf("]}");
    memset(s, 0, sizeof *s);
}
