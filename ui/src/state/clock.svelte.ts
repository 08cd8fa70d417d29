// The time of now, once a second while somebody looks: for ages and for ranges that end now.

class Clock {
  now = $state(Date.now());

  start(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, 1_000);
    return () => clearInterval(timer);
  }
}

export const clock = new Clock();
