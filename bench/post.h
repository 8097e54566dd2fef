/* The one who says something: a connection of its own that is kept, one POST at a time. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct post {
    int fd, pending, failures;
    double began, used;
    char text[1 << 20]; /* the answer, as far as it has come */
    size_t have;
    uint64_t seq; /* of the state that the newest answer holds */
    struct spread spread;
};

static void post_end(struct post *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static void post_failed(struct post *p)
{
    p->failures++, p->pending = 0;
    post_end(p);
}

/* Waits until the connection stands: that is not part of what is measured. */
static int post_open(struct post *p, int fd)
{
    struct pollfd one = {.fd = p->fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (fd < 0 || poll(&one, 1, 2000) != 1) return 0;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return !error;
}

static int post_is_whole(struct post *p, int *status)
{
    char *end = memmem(p->text, p->have, "\r\n\r\n", 4), *found;
    if (!end) return 0;
    size_t head = (size_t)(end - p->text) + 4;
    *status = atoi(p->text + 9);
    if (*status == 204) return 1;
    if ((found = strcasestr(p->text, "\r\ncontent-length:")) && found < end) return p->have >= head + strtoul(found + 17, NULL, 10);
    return p->have >= head + 5 && !memcmp(p->text + p->have - 5, "0\r\n\r\n", 5);
}

static void post_look(struct post *p)
{
    int status;
    ssize_t n = recv(p->fd, p->text + p->have, sizeof p->text - 1 - p->have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0 && !p->pending) { post_end(p); return; }
    if (n <= 0) { post_failed(p); return; }
    p->have += (size_t)n, p->text[p->have] = 0;
    if (!p->pending || !post_is_whole(p, &status)) return;
    p->pending = 0, p->used = now_ms();
    note(&p->spread, p->used - p->began);
    if (status / 100 != 2) p->failures++;
    char *seq = strstr(p->text, "\"seq\":");
    if (seq) p->seq = strtoull(seq + 6, NULL, 10);
}
