/* Many listeners of event streams on 127.0.0.1, and the one who says something to them: one thread, one epoll.
 *
 *   crowd PORT PATH SAY_PATH PAD MARK strict|loose
 *
 * Commands come as lines on stdin, each is answered with one line of JSON. A round is a POST of a fresh marker
 * (MARK and a number, PAD more bytes); what is measured is the time from just before its bytes are written until
 * the message that holds the marker was read from a listener's socket. strict: a listener has begun with its first
 * message that has data, loose: with anything. Ended streams are opened again half a second later.
 *
 *   open N RATE GROUP   N more listeners, RATE a second (0: as fast as they are answered); GROUP slow or quick;
 *                       slow ones have small buffers
 *   drop | leave K      close all of them | K of the ordinary ones
 *   churn N             from now on N ordinary ones a minute leave, and as many others come
 *   stall | resume      the slow ones stop reading, those too that come back cut off | all read on
 *   play MS             a round every MS milliseconds until `play 0`; waits for the POST's answer, not for the listeners
 *   rounds N GAP LIMIT  N rounds, the next GAP ms after everyone has the last one, LIMIT ms each; answered at the end
 *   status | stats      where everyone stands | what was measured since the last `stats` */
#define _GNU_SOURCE
#include "stream.h"
#include "spread.h"
#include "post.h"
#include "hall.h"
#include <stdarg.h>
#include <sys/resource.h>

#define EVENTS 64
#define PAD '"' /* five bytes in HTML: the longest that a line of so many characters can become */
#define IDLE_MOST_MS 2000
#define MAX_ROUNDS 1000

static struct post post = {.fd = -1};
static struct {
    int left, asked, gap, limit, timeouts, open;
    long expected;
    double fired, next, cpu, cpu_at, wall, worst[MAX_ROUNDS];
} closed;
static struct { double per_min, owed, at; } churn;
static struct { double every, next; } play;
static uint32_t stats_from; /* the newest round at the last `stats` */
static double stats_at, stats_cpu;
static int pad;
static const char *say_path;

static void answer(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* ---- rounds ---- */

static void say(void)
{
    static char text[1 << 17];
    char mark[64];
    /* A server closes a connection that was idle: better before the clock runs. */
    if (post.fd >= 0 && now_ms() - post.used > IDLE_MOST_MS) post_end(&post);
    if (post.fd < 0) {
        if (!post_open(&post, dial(0))) { post_failed(&post); return; }
        watch(post.fd, EPOLLIN, &post, EPOLL_CTL_ADD);
    }
    int length = snprintf(mark, sizeof mark, "%s%u", marker_mark, ++current) + (pad ? pad + 1 : 0);
    int n = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
                     say_path, port, length, mark);
    if (pad) text[n++] = ' ', memset(text + n, PAD, (size_t)pad), n += pad;
    hall.behind = hall.reading, round_worst = 0;
    post.have = 0, post.pending = 1, post.began = began_at[current % KEPT] = now_ms();
    if (send(post.fd, text, (size_t)n, MSG_NOSIGNAL) != n) post_failed(&post);
}

static void finish_rounds(void)
{
    printf("{\"timeouts\":%d,\"expected\":%ld,\"busy_percent\":%.1f,\"worst\":[", closed.timeouts, closed.expected,
           closed.wall > 0 ? 100 * closed.cpu / closed.wall : 0);
    for (int i = 0; i < closed.asked; i++) printf("%s%.4f", i ? "," : "", closed.worst[i]);
    answer("]}");
    closed.asked = 0;
}

static void closed_due(double at)
{
    if (closed.open) {
        int late = at - closed.fired > closed.limit;
        if ((hall.behind || post.pending) && !late) return;
        closed.wall += at - closed.fired, closed.cpu += clock_ms(CLOCK_PROCESS_CPUTIME_ID) - closed.cpu_at;
        closed.worst[closed.asked - closed.left] = round_worst;
        closed.timeouts += late;
        closed.left--, closed.open = 0, closed.next = at + closed.gap;
        if (!closed.left) finish_rounds();
    } else if (closed.left && at >= closed.next) {
        closed.cpu_at = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        say();
        closed.open = 1, closed.fired = now_ms(), closed.expected += hall.reading;
    }
}

static void play_due(double at)
{
    if (play.every <= 0 || at < play.next || post.pending) return;
    tally.late += at - play.next > play.every;
    say();
    play.next = play.next + play.every > at ? play.next + play.every : at + play.every;
}

static void churn_due(double at)
{
    churn.owed += (at - churn.at) / 60e3 * churn.per_min, churn.at = at;
    int whole = (int)churn.owed;
    if (!whole) return;
    churn.owed -= whole;
    leave(whole);
    opening[0].wanted += whole;
}

/* ---- commands ---- */

static void tell_status(void)
{
    uint64_t newest = 0;
    int has = 0, at_newest = 0, epochs = 0, slow = 0, stalled = 0, stopped = 0, marked = 0;
    struct listener *best = NULL;
    for (int i = 0; i < MOST; i++) {
        struct listener *l = &crowd[i];
        stopped += l->slow && l->stopped;
        if (l->state != LIVE) continue;
        slow += l->slow, stalled += l->stalled, marked += l->seen == current;
        if (!l->has_id) continue;
        has++;
        if (!best) best = l, epochs = 1;
        if (l->epoch != best->epoch) epochs = 2;
        if (l->seq > newest) newest = l->seq;
    }
    for (int i = 0; i < MOST; i++) at_newest += crowd[i].state == LIVE && crowd[i].has_id && crowd[i].seq == newest;
    answer("{\"wanted\":%d,\"live\":%d,\"slow\":%d,\"stalled\":%d,\"stopped\":%d,\"behind\":%d,\"marked\":%d,\"marker\":%u,\"with_id\":%d,\"newest\":%llu,"
           "\"at_newest\":%d,\"epochs\":%d,\"epoch\":\"%s\",\"said_seq\":%llu,\"pending\":%d,\"refused_status\":%d}",
           hall.used + still_to_open(), hall.live, slow, stalled, stopped, hall.behind, marked, current, has, (unsigned long long)newest, at_newest, epochs,
           best ? best->in.epoch : "", (unsigned long long)post.seq, post.pending, refused_status);
}

static void tell_stats(void)
{
    double at = now_ms(), cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    printf("{\"seconds\":%.3f,\"cpu_percent\":%.1f,\"rounds\":%u,\"deliveries\":%llu,\"gaps\":%llu,\"gap_rounds\":%llu,\"caught_up\":%llu,"
           "\"back\":%llu,\"lost\":%llu,\"ended\":%llu,\"cut\":%llu,\"refused\":%llu,\"bytes\":%llu,\"messages\":%llu,\"late\":%llu,\"post_failures\":%d,",
           (at - stats_at) / 1e3, at > stats_at ? 100 * (cpu - stats_cpu) / (at - stats_at) : 0, current - stats_from,
           (unsigned long long)tally.deliveries, (unsigned long long)tally.gaps, (unsigned long long)tally.gap_rounds,
           (unsigned long long)tally.caught_up, (unsigned long long)tally.back, (unsigned long long)tally.lost, (unsigned long long)tally.ended,
           (unsigned long long)tally.cut, (unsigned long long)tally.refused, (unsigned long long)tally.bytes, (unsigned long long)tally.messages,
           (unsigned long long)tally.late, post.failures);
    print_spread("latency", &latency);
    putchar(',');
    print_spread("post", &post.spread);
    answer("}");
    memset(&tally, 0, sizeof tally);
    post.failures = 0, stats_at = at, stats_cpu = cpu, stats_from = current;
}

static void command(char *line)
{
    char name[16] = "", group[8] = "";
    double a = 0, b = 0, c = 0, at = now_ms();
    int n = sscanf(line, "%15s %lf %lf %lf", name, &a, &b, &c);
    if (!strcmp(name, "status")) { tell_status(); return; }
    if (!strcmp(name, "stats")) { tell_stats(); return; }
    if (!strcmp(name, "rounds") && n == 4 && a >= 1 && a <= MAX_ROUNDS) {
        memset(&closed, 0, sizeof closed);
        closed.left = closed.asked = (int)a, closed.gap = (int)b, closed.limit = (int)c;
        return;
    }
    if (!strcmp(name, "open") && sscanf(line, "%*s %lf %lf %7s", &a, &b, group) == 3) {
        int slow = !strcmp(group, "slow");
        opening[slow].wanted += (int)a - opening[slow].opened;
        opening[slow].opened = 0, opening[slow].rate = b, opening[slow].since = at;
    } else if (!strcmp(name, "drop")) {
        memset(opening, 0, sizeof opening);
        for (int i = 0; i < MOST; i++) if (crowd[i].state != FREE) let_go(&crowd[i], FREE);
    } else if (!strcmp(name, "leave") && n == 2) leave((int)a);
    else if (!strcmp(name, "churn") && n == 2) churn.per_min = a, churn.at = at, churn.owed = 0, opening[0].rate = 0;
    else if (!strcmp(name, "stall") || !strcmp(name, "resume")) stall(name[0] == 's');
    else if (!strcmp(name, "play") && n == 2) play.every = a, play.next = at;
    else { answer("{\"error\":\"no such command\"}"); return; }
    answer("{}");
}

static void on_stdin(void)
{
    static char text[4096];
    static size_t have;
    ssize_t n = read(0, text + have, sizeof text - 1 - have);
    if (n <= 0) exit(0); /* whoever asked is gone */
    have += (size_t)n, text[have] = 0;
    for (char *newline; (newline = strchr(text, '\n'));) {
        *newline = 0;
        command(text);
        have -= (size_t)(newline + 1 - text);
        memmove(text, newline + 1, have + 1);
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    static char standard_in;
    if (argc != 7) die("usage", "crowd PORT PATH SAY_PATH PAD MARK strict|loose");
    port = atoi(argv[1]), path = argv[2], say_path = argv[3], pad = atoi(argv[4]), marker_mark = argv[5], loose = !strcmp(argv[6], "loose");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < MOST; i++) crowd[i].fd = -1;
    in_buffer = malloc(MAX_READ), work = malloc(MAX_REST + MAX_READ), epoll_fd = epoll_create1(EPOLL_CLOEXEC), stats_at = now_ms();
    watch(0, EPOLLIN, &standard_in, EPOLL_CTL_ADD);
    for (struct epoll_event events[EVENTS];;) {
        int busy = play.every > 0 || closed.left || still_to_open() || hall.due || churn.per_min > 0;
        int n = epoll_wait(epoll_fd, events, EVENTS, busy ? 1 : -1);
        /* Before each handful of listeners: the POST's answer does not wait behind thousands of them. */
        if (post.pending) post_look(&post);
        for (int i = 0; i < n; i++) {
            void *whose = events[i].data.ptr;
            if (whose == &standard_in) on_stdin();
            else if (whose != &post) on_listener(whose, events[i].events);
            else if (post.fd >= 0 && !post.pending) post_look(&post);
        }
        double at = now_ms();
        closed_due(at), play_due(at), churn_due(at), open_due(at);
    }
}
