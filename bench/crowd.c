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
 *   stall | resume      the slow ones stop reading | read on
 *   play MS             a round every MS milliseconds until `play 0`; waits for the POST's answer, not for the listeners
 *   rounds N GAP LIMIT  N rounds, the next GAP ms after everyone has the last one, LIMIT ms each; answered at the end
 *   status | stats      where everyone stands | what was measured since the last `stats` */
#define _GNU_SOURCE
#include "stream.h"
#include "spread.h"
#include "post.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define MOST 20000
#define READ_MOST (256 * 1024)
#define EVENTS 64
#define PAD '"' /* five bytes in HTML: the longest that a line of so many characters can become */
#define SLOW_BUFFER 2048
#define SLOW_SEGMENT 1400 /* as over a network */
#define AT_ONCE 64
#define AT_ONCE_RATED 1024 /* the server's backlog is longer */
#define REOPEN_MS 500
#define IDLE_MOST_MS 2000
#define KEPT 4096 /* rounds whose begin is remembered */
#define ROUNDS_MOST 1000

enum state { FREE, DUE, CONNECTING, WAITING, LIVE };

struct listener {
    int fd, slow, stalled, has_id, whole;
    enum state state;
    uint32_t seen, since; /* newest marker that arrived, and the newest there was when it began */
    uint64_t epoch, seq;
    double due;
    struct stream in;
};

static struct listener crowd[MOST];
static struct post post = {.fd = -1};
static struct { int wanted, opened; double rate, since; } opening[2]; /* the ordinary ones, the slow ones */
static struct { int used, due, connecting, live, reading, behind; } hall;
static struct { uint64_t deliveries, gaps, gap_rounds, caught_up, back, lost, ended, cut, refused, bytes, messages, late; } tally;
static struct {
    int left, asked, gap, limit, timeouts, open;
    long expected;
    double fired, next, cpu, cpu_at, wall, worst[ROUNDS_MOST];
} closed;
static struct { double per_min, owed, at; } churn;
static struct { double every, next; } play;
static struct spread latency;
static uint32_t current, stats_from; /* the newest round, and the newest at the last `stats` */
static double began_at[KEPT], round_worst, stats_at, stats_cpu;
static int epoll_fd, port, pad, loose, refused_status;
static const char *path, *say_path;
static char *in_buffer, *work;

static void die(const char *what, const char *why) { fprintf(stderr, "crowd: %s: %s\n", what, why); exit(2); }

static void answer(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void watch(int fd, uint32_t events, void *whose, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = whose};
    if (epoll_ctl(epoll_fd, how, fd, &event)) die("epoll", strerror(errno));
}

static int dial(int small)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, size = SLOW_BUFFER, segment = SLOW_SEGMENT;
    if (fd < 0) die("socket", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (small) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        /* The server's own buffer grows with the segments: a loopback's are 64 KB, and it would hold megabytes. */
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) { close(fd); return -1; }
    return fd;
}

/* ---- listeners ---- */

static int reads(const struct listener *l) { return l->state == LIVE && !l->stalled; }
static uint32_t stands_at(const struct listener *l) { return l->seen > l->since ? l->seen : l->since; }
static int is_behind(const struct listener *l) { return reads(l) && stands_at(l) < current; }

/* Every change of a listener's place goes through here, so that the counts need no look at all of them. */
static void become(struct listener *l, enum state state, int stalled)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        hall.behind += sign * is_behind(l), hall.reading += sign * reads(l), hall.live += sign * (l->state == LIVE);
        hall.connecting += sign * (l->state == CONNECTING || l->state == WAITING), hall.due += sign * (l->state == DUE);
        if (sign < 0) l->state = state, l->stalled = stalled;
    }
}

static void let_go(struct listener *l, enum state next)
{
    if (l->fd >= 0) close(l->fd);
    l->fd = -1, l->due = now_ms() + REOPEN_MS;
    become(l, next, 0);
    if (next == FREE) hall.used--;
    stream_begin(&l->in);
}

/* `clean`: the connection was closed, not reset. An answer in chunks must have come to its end, too. */
static void end(struct listener *l, int clean)
{
    if (l->slow) tally.cut++;
    else if (l->in.phase == OVER || (clean && l->in.phase == PLAIN && !l->in.rest_len)) tally.ended++;
    else tally.lost++;
    let_go(l, DUE);
}

static void open_one(struct listener *l)
{
    l->fd = dial(l->slow), l->has_id = l->whole = 0, l->seen = l->since = 0;
    stream_begin(&l->in);
    if (l->fd < 0) { tally.lost++; let_go(l, DUE); return; }
    become(l, CONNECTING, 0);
    watch(l->fd, EPOLLOUT | EPOLLIN, l, EPOLL_CTL_ADD);
}

static void on_message(void *whose, struct message *m)
{
    struct listener *l = whose;
    double at = now_ms();
    tally.messages++;
    if (l->state == WAITING && (m->has_data || loose)) {
        l->since = current, l->seen = m->marker, l->whole = m->parts;
        become(l, LIVE, 0);
    }
    if (m->has_id) {
        tally.back += l->has_id && m->epoch == l->epoch && m->seq < l->seq;
        l->has_id = 1, l->epoch = m->epoch, l->seq = m->seq;
    }
    uint32_t before = stands_at(l);
    if (m->marker > current || m->marker <= l->seen) return;
    hall.behind -= is_behind(l);
    l->seen = m->marker;
    hall.behind += is_behind(l);
    if (m->marker <= before) return;
    uint32_t skipped = m->marker - before - 1;
    /* Who was skipped gets the whole view: anything else is a round that was lost. */
    if (skipped && l->whole > 1 && m->parts >= l->whole) tally.caught_up++;
    else if (skipped) tally.gaps++, tally.gap_rounds += skipped;
    tally.deliveries++;
    if (l->slow) return;
    double took = at - began_at[m->marker % KEPT];
    note(&latency, took);
    if (m->marker == current && took > round_worst) round_worst = took;
}

static void on_readable(struct listener *l)
{
    ssize_t n = recv(l->fd, in_buffer, READ_MOST, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        tally.bytes += (uint64_t)n;
        stream_take(&l->in, in_buffer, (size_t)n, work, on_message, l);
        if (l->in.status && l->in.status != 200) { tally.refused++; refused_status = l->in.status; let_go(l, DUE); return; }
    }
    if (n <= 0 || l->in.phase == OVER || l->in.phase == BROKEN) end(l, n == 0);
}

static void on_listener(struct listener *l, uint32_t events)
{
    if (l->state == CONNECTING) {
        char head[512];
        int n = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n\r\n", path, port);
        if (send(l->fd, head, (size_t)n, MSG_NOSIGNAL) != n) { end(l, 0); return; }
        become(l, WAITING, 0);
        watch(l->fd, EPOLLIN, l, EPOLL_CTL_MOD);
    } else if (l->stalled) {
        end(l, 0); /* its events are off but for errors and the end */
    } else if (events && l->fd >= 0) {
        on_readable(l);
    }
}

static void open_due(double at)
{
    static int last;
    static double looked_at;
    for (int slow = 0; slow < 2; slow++)
        while (opening[slow].opened < opening[slow].wanted && hall.used < MOST) {
            double rate = opening[slow].rate;
            if (hall.connecting >= (rate > 0 ? AT_ONCE_RATED : AT_ONCE)) break;
            if (rate > 0 && opening[slow].opened >= (at - opening[slow].since) / 1e3 * rate) break;
            while (crowd[last].state != FREE) last = (last + 1) % MOST;
            crowd[last].slow = slow;
            hall.used++, opening[slow].opened++;
            open_one(&crowd[last]);
        }
    if (!hall.due || at - looked_at < 100) return;
    looked_at = at;
    for (int i = 0; i < MOST; i++)
        if (crowd[i].state == DUE && crowd[i].due <= at) open_one(&crowd[i]);
}

static int still_to_open(void) { return opening[0].wanted - opening[0].opened + opening[1].wanted - opening[1].opened; }

static void leave(int count)
{
    static int from;
    for (int tried = 0; count > 0 && tried < MOST; tried++, from = (from + 7) % MOST)
        if (crowd[from].state == LIVE && !crowd[from].slow) let_go(&crowd[from], FREE), count--;
}

static void stall(int on)
{
    for (int i = 0; i < MOST; i++)
        if (crowd[i].state == LIVE && crowd[i].slow && crowd[i].stalled != on) {
            watch(crowd[i].fd, on ? 0 : EPOLLIN, &crowd[i], EPOLL_CTL_MOD);
            become(&crowd[i], LIVE, on);
        }
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
    int has = 0, at_newest = 0, epochs = 0, slow = 0, stalled = 0, marked = 0;
    struct listener *best = NULL;
    for (int i = 0; i < MOST; i++) {
        struct listener *l = &crowd[i];
        if (l->state != LIVE) continue;
        slow += l->slow, stalled += l->stalled, marked += l->seen == current;
        if (!l->has_id) continue;
        has++;
        if (!best) best = l, epochs = 1;
        if (l->epoch != best->epoch) epochs = 2;
        if (l->seq > newest) newest = l->seq;
    }
    for (int i = 0; i < MOST; i++) at_newest += crowd[i].state == LIVE && crowd[i].has_id && crowd[i].seq == newest;
    answer("{\"wanted\":%d,\"live\":%d,\"slow\":%d,\"stalled\":%d,\"behind\":%d,\"marked\":%d,\"marker\":%u,\"with_id\":%d,\"newest\":%llu,"
           "\"at_newest\":%d,\"epochs\":%d,\"epoch\":\"%s\",\"said_seq\":%llu,\"pending\":%d,\"refused_status\":%d}",
           hall.used + still_to_open(), hall.live, slow, stalled, hall.behind, marked, current, has, (unsigned long long)newest, at_newest, epochs,
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
    if (!strcmp(name, "rounds") && n == 4 && a >= 1 && a <= ROUNDS_MOST) {
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
    in_buffer = malloc(READ_MOST), work = malloc(REST_MOST + READ_MOST), epoll_fd = epoll_create1(EPOLL_CLOEXEC), stats_at = now_ms();
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
