from arq.connections import RedisSettings

class Worker:
    async def main(self) -> None: ...
    async def close(self) -> None: ...

def create_worker(
    settings: type,
    *,
    redis_settings: RedisSettings,
    burst: bool,
    poll_delay: float,
    handle_signals: bool,
) -> Worker: ...
