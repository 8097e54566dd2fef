/* The hall: listeners that come, read, stall and leave, and what arrives at them. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#define MOST 20000
#define MAX_READ (256 * 1024)
#define SLOW_BUFFER 2048
#define SLOW_SEGMENT 1400 /* as over a network */
#define AT_ONCE 64
#define AT_ONCE_RATED 1024 /* the server's backlog is longer */
#define REOPEN_MS 500
#define KEPT 4096 /* rounds whose begin is remembered */

enum state { FREE, DUE, CONNECTING, WAITING, LIVE };

struct listener {
    int fd, slow, stalled, stopped, has_id, whole; /* stopped: skipped or cut off since the last `stall` */
    enum state state;
    uint32_t seen, since; /* newest marker that arrived, and the newest there was when it began */
    uint64_t epoch, seq;
    double due;
    struct stream in;
};

static struct listener crowd[MOST];
static struct { int wanted, opened; double rate, since; } opening[2]; /* the ordinary ones, the slow ones */
static struct { int used, due, connecting, live, reading, behind, stalling; } hall;
static struct { uint64_t deliveries, gaps, gap_rounds, caught_up, back, lost, ended, cut, refused, bytes, messages, late; } tally;
static struct spread latency;
static uint32_t current; /* the newest round */
static double began_at[KEPT], round_worst;
static int epoll_fd, port, loose, refused_status;
static const char *path;
static char *in_buffer, *work;

static void die(const char *what, const char *why) { fprintf(stderr, "crowd: %s: %s\n", what, why); exit(2); }

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
    if (l->slow) tally.cut++, l->stopped = 1;
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

static void stall_one(struct listener *l, int on)
{
    watch(l->fd, on ? 0 : EPOLLIN, l, EPOLL_CTL_MOD);
    become(l, LIVE, on);
}

static void on_message(void *whose, struct message *m)
{
    struct listener *l = whose;
    double at = now_ms();
    tally.messages++;
    if (l->state == WAITING && (m->has_data || loose)) {
        l->since = current, l->seen = m->marker, l->whole = m->parts;
        become(l, LIVE, 0);
        if (l->slow && hall.stalling) stall_one(l, 1);
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
    if (skipped && l->whole > 1 && m->parts >= l->whole) tally.caught_up++, l->stopped = 1;
    else if (skipped) tally.gaps++, tally.gap_rounds += skipped;
    tally.deliveries++;
    if (l->slow) return;
    double took = at - began_at[m->marker % KEPT];
    note(&latency, took);
    if (m->marker == current && took > round_worst) round_worst = took;
}

static void on_readable(struct listener *l)
{
    ssize_t n = recv(l->fd, in_buffer, MAX_READ, 0);
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
    hall.stalling = on;
    for (int i = 0; i < MOST; i++) {
        if (on) crowd[i].stopped = 0;
        if (crowd[i].state == LIVE && crowd[i].slow && crowd[i].stalled != on) stall_one(&crowd[i], on);
    }
}
