class RuntimeTaskInstance:
    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: list[str] | None = None,
        *,
        run_ids: list[str] | None = None,
    ) -> dict[str, dict[str, str | None]]: ...
